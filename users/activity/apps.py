"""The activity app."""

from django.apps import AppConfig


class ActivityConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.activity"
    label = "activity"
