"""Emptying the tables after a test that commits.

Django truncates all tables, which creates new files for each table and index, and then creates the
content types and permissions again. Most tests leave a few rows in a few tables; deleting them
takes a fraction of that. The result is the same: only the rows of `migrate` remain.
"""

from collections.abc import Callable
from typing import Any, Final

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from psycopg.sql import SQL, Identifier, Literal

from core.database.roles.owner import as_owner
from core.versions.models import VersionPart

# Tables with rows of `migrate`, which remain unless a test changed them.
KEPT: Final = (ContentType._meta.db_table, Permission._meta.db_table)
VERSIONS: Final = VersionPart._meta.db_table
# In bytes; beyond, truncating is faster than deleting.
MAX_SIZE: Final = 1 << 20


class Emptying:
    """Deletes the rows of a test; flushes the database if they are many."""

    def __init__(self, flush: Callable[[Any], None]) -> None:
        """Call it outside of a transaction; ``flush`` is Django's method of test cases."""
        self._flush = flush
        self._kept = kept_rows()

    def empty(self, case: Any) -> None:
        """Empty the tables after the test case."""
        if not self._delete():
            self._flush(case)
            # With new ids.
            self._kept = kept_rows()

    def _delete(self) -> bool:
        """Delete all rows except those kept; return False if a flush is required."""
        with as_owner(), transaction.atomic(), connection.cursor() as cursor:
            # Like TRUNCATE, this waits for open transactions of other processes.
            cursor.execute(
                SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(
                    SQL(", ").join(map(Identifier, tables()))
                )
            )
            if kept_rows() != self._kept:
                return False
            filled = filled_tables()
            if max(filled.values(), default=0) > MAX_SIZE:
                return False
            # In any order, because foreign keys are deferred; the versions last, because triggers
            # write them for all others.
            for table in (*(filled.keys() - {VERSIONS}), VERSIONS):
                cursor.execute(SQL("DELETE FROM {}").format(Identifier(table)))
        return True


def kept_rows() -> list[tuple[Any, ...]]:
    """Return the content types and permissions."""
    return [
        *ContentType.objects.order_by("pk").values_list(),
        *Permission.objects.order_by("pk").values_list(),
    ]


def filled_tables() -> dict[str, int]:
    """Return the sizes in bytes of the other tables that have rows."""
    selects = (
        SQL("SELECT {}, pg_relation_size({}) WHERE EXISTS (SELECT FROM {})").format(
            Literal(table), Literal(table), Identifier(table)
        )
        for table in tables()
        if table not in KEPT
    )
    with connection.cursor() as cursor:
        cursor.execute(SQL(" UNION ALL ").join(selects))
        return dict(cursor.fetchall())


def tables() -> list[str]:
    """Return the names of all tables of models."""
    return connection.introspection.django_table_names(only_existing=True, include_views=False)
