"""The exports app."""

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.exports"
    label = "exports"
