"""Django's cursors, whose statements are counted."""

from typing import Any

from django.db.backends.postgresql.base import Cursor as DjangoCursor
from django.db.backends.signals import connection_created

from engine.meter import MeteredCursor


class Cursor(MeteredCursor, DjangoCursor):
    """Django's cursor, which counts its statements."""


def count_statements() -> None:
    """Have all later connections count their statements."""
    connection_created.connect(_use_cursor, dispatch_uid=__name__)


def _use_cursor(*, connection: Any, **_signal: object) -> None:
    connection.connection.cursor_factory = Cursor
