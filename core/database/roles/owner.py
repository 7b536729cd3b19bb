"""Connections as the owner of the tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from django.db import connection

CREDENTIALS: Final = ("USER", "PASSWORD", "HOST", "PORT", "OPTIONS")


@contextmanager
def as_owner() -> Iterator[None]:
    """Connect this thread as the owner within the block; blocks may be nested.

    The current database stays selected, so this works with a test database. Raises
    `TransactionManagementError` within a transaction.
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
