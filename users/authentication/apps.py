"""The authentication app."""

from django.apps import AppConfig


class AuthenticationConfig(AppConfig):
    """Registers the app under its short label."""

    name = "users.authentication"
    label = "authentication"
