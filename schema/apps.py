"""Django app of the GraphQL API, for its templates, URLs and commands."""

from django.apps import AppConfig


class SchemaConfig(AppConfig):
    """Configuration of an app without models."""

    name = "schema"
