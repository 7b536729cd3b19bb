"""The database connection of a thread, cached."""

import threading
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

    Django never replaces it within a thread; `del connections[alias]` would.
    """
    try:
        return _thread.by_alias[alias]
    except KeyError:
        return _thread.by_alias.setdefault(alias, connections[alias])
