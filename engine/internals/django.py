"""The database connection of a thread, cached."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


class _ThreadConnections(threading.local):
    """The connections that a thread has used, by alias."""

    def __init__(self) -> None:
        """Start without connections."""
        self.by_alias: dict[str, Any] = {}


_thread = _ThreadConnections()


def thread_connection(alias: str = DEFAULT_DB_ALIAS) -> Any:
    """Return `connections[alias]`, which Django looks up for an event loop each time.

    Only `substituted_connection` replaces it within a thread.
    """
    try:
        return _thread.by_alias[alias]
    except KeyError:
        return _thread.by_alias.setdefault(alias, connections[alias])


@contextmanager
def substituted_connection(connection: Any, alias: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Use another connection for all statements of this thread, Django's too, within the block."""
    before = thread_connection(alias)
    connections[alias] = _thread.by_alias[alias] = connection
    try:
        yield
    finally:
        connections[alias] = _thread.by_alias[alias] = before
