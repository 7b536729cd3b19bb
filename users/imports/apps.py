"""The imports app."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.imports"
    label = "imports"
