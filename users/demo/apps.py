"""The demo's Django app."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Brings the `seed` and `welcome` commands; has no models."""

    name = "users.demo"
    label = "demo"
