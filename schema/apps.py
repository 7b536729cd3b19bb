"""Django app of the GraphQL API, for its templates, URLs and commands."""

from django.apps import AppConfig

from engine.options import configure
from schema.cursors import SealedCursors


class SchemaConfig(AppConfig):
    """Configuration of an app without models."""

    name = "schema"

    def ready(self) -> None:
        """Set the engine's options."""
        configure(cursor_codec=SealedCursors())
