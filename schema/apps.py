"""The GraphQL layer's Django app: its templates and URLs."""

from django.apps import AppConfig


class SchemaConfig(AppConfig):
    """Has no models."""

    name = "schema"
