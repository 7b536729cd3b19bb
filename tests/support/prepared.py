"""Rollbacks of tests that keep prepared statements."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection


@contextmanager
def prepared_statements_kept() -> Iterator[None]:
    """Have psycopg keep its prepared statements when the block rolls back.

    It discards them all, because a rollback may undo DDL. One that undoes rows only does not affect
    them, and preparing takes longer than executing.
    """
    prepared = connection.connection._prepared  # noqa: SLF001 - no public API
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "_should_discard", lambda *_result: False)
        yield
