"""The bulk app."""

from django.apps import AppConfig


class BulkConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.bulk"
    label = "bulk"
