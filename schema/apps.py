"""Django app of the GraphQL API, for its templates, URLs and commands."""

from django.apps import AppConfig
from django.core.checks import register

from core.configuration.checks import check_deployment
from engine.options import configure
from schema.cursors import SealedCursors


class SchemaConfig(AppConfig):
    """Configuration of an app without models."""

    name = "schema"

    def ready(self) -> None:
        """Set the engine's options, and register the checks of a deployment."""
        register(check_deployment, deploy=True)
        configure(cursor_codec=SealedCursors())
