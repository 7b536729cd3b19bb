"""The Django app of the trusted documents."""

from django.apps import AppConfig


class TrustedConfig(AppConfig):
    """Registers the app under its short label."""

    name = "schema.trusted"
    label = "trusted"
