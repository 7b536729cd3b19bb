"""The owner's connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from django.db import connection

CREDENTIALS: Final = ("USER", "PASSWORD", "HOST", "PORT", "OPTIONS")


@contextmanager
def as_owner() -> Iterator[None]:
    """Make this thread's connection the owner's until the block ends; blocks may be nested.

    The database stays the one that is in use, so this works on a test database too. Such a
    block cannot be inside a transaction.
    """
    before = connection.settings_dict
    owner = before | {name: settings.MIGRATION_DATABASE[name] for name in CREDENTIALS}
    if owner == before:
        yield
        return
    _reconnect_with(owner)
    try:
        yield
    finally:
        _reconnect_with(before)


def _reconnect_with(parameters: dict[str, Any]) -> None:
    connection.validate_no_atomic_block()
    connection.close()
    connection.settings_dict = parameters
