"""Operations of migrations that build indexes without blocking writers.

A build that is cut leaves an invalid index behind, with whose name it could never be repeated. So
an invalid index is dropped first, and a valid one is kept: it was built before the migration was
recorded.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.postgres.operations import AddIndexConcurrently as DjangoAddIndexConcurrently
from django.contrib.postgres.operations import NotInTransactionMixin
from django.db.migrations.operations.base import Operation

# A build waits for all older transactions. Unlike an ALTER, it holds up nothing meanwhile.
BUILD_LOCK_TIMEOUT: Final = "5min"

IS_VALID: Final = """
    SELECT indisvalid FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relname = %s AND relnamespace = current_schema::regnamespace
"""


class AddIndexConcurrently(DjangoAddIndexConcurrently):
    """Django's operation, repeatable."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Build the index unless a valid one has its name."""
        with _building(schema_editor, self.index.name) as is_missing:
            if is_missing:
                super().database_forwards(app_label, schema_editor, from_state, to_state)


class AddTableIndexConcurrently(NotInTransactionMixin, Operation):
    """An index of a table without a model, such as that of a many-to-many field."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, name: str, table: str, columns: Sequence[str]) -> None:
        """Take the names as PostgreSQL knows them."""
        self.name = name
        self.table = table
        self.columns = columns

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change no model."""

    def database_forwards(
        self,
        app_label: str,  # noqa: ARG002 - Django's signature
        schema_editor: Any,
        from_state: Any,  # noqa: ARG002 - Django's signature
        to_state: Any,  # noqa: ARG002 - Django's signature
    ) -> None:
        """Build the index unless a valid one has its name."""
        self._ensure_not_in_transaction(schema_editor)
        quote = schema_editor.quote_name
        columns = ", ".join(map(quote, self.columns))
        with _building(schema_editor, self.name) as is_missing:
            if is_missing:
                schema_editor.execute(
                    f"CREATE INDEX CONCURRENTLY {quote(self.name)}"
                    f" ON {quote(self.table)} ({columns})"
                )

    def database_backwards(
        self,
        app_label: str,  # noqa: ARG002 - Django's signature
        schema_editor: Any,
        from_state: Any,  # noqa: ARG002 - Django's signature
        to_state: Any,  # noqa: ARG002 - Django's signature
    ) -> None:
        """Drop the index."""
        self._ensure_not_in_transaction(schema_editor)
        _drop(schema_editor, self.name)

    def describe(self) -> str:
        """Describe the operation in `sqlmigrate`."""
        return f"Concurrently create index {self.name} on table {self.table}"


@contextmanager
def _building(schema_editor: Any, name: str) -> Iterator[bool]:
    """Yield whether the index is missing, after an invalid one was dropped."""
    if schema_editor.collect_sql:
        yield True
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [BUILD_LOCK_TIMEOUT])
        try:
            cursor.execute(IS_VALID, [name])
            found = cursor.fetchone()
            if found == (False,):
                _drop(schema_editor, name)
            yield found != (True,)
        finally:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [before])


def _drop(schema_editor: Any, name: str) -> None:
    schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(name)}")
