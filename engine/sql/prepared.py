"""psycopg's cursors for statements that run often, held by their connection."""

from collections.abc import Sequence
from typing import Any, Final, Self, TypeAlias

from psycopg import ClientCursor, Cursor
from psycopg.adapt import AdaptersMap
from psycopg.pq import TransactionStatus
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.string import TextLoader

from engine.deadline import has_execute_wrapper
from engine.internals.psycopg import (
    PreparedCall,
    PreparedStatement,
    begin,
    bind_prepared,
    free_result,
    last_prepared,
    load_rows,
    run_prepared,
    set_query,
)
from engine.meter import MeteredCursor

# A cursor would hold a result with more rows until its next statement.
MAX_RETAINED_ROWS: Final = 200


class _Loaders:
    """Converts values to what Django's cursors return, in less time."""

    adapters: AdaptersMap

    def release(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Return the rows; free their libpq result if it is large."""
        if len(rows) > MAX_RETAINED_ROWS:
            free_result(self)
        return rows

    def load(self, *, text_ids: bool) -> None:
        """Load timestamps in C; with ``text_ids``, leave UUIDs as text in canonical form."""
        self.adapters.register_loader("timestamptz", TimestamptzLoader)
        if text_ids:
            self.adapters.register_loader("uuid", TextLoader)


class InlineCursor(_Loaders, MeteredCursor, ClientCursor[Any]):
    """A cursor that writes values into the SQL, as Django's does."""

    def rows(self, query: str, params: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """Execute and return the rows."""
        self.execute(query, params)
        return self.release(self.fetchall())


class PreparedCursor(_Loaders, MeteredCursor, Cursor[Any]):
    """A cursor whose statements PostgreSQL parses and plans once per connection."""

    def __init__(self, connection: Any) -> None:
        """Create a cursor that has prepared no statement."""
        super().__init__(connection)
        self._statements: dict[str, PreparedStatement] = {}

    def execute(self, query: Any, params: Any = None, **_options: Any) -> Self:
        """Execute; prepare the statement unless the connection's `prepare_threshold` is None."""
        try:
            return super().execute(query, params, prepare=True)
        finally:
            set_query(self, query, params)

    def rows(self, query: str, params: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """Execute and return the rows; without psycopg's Python code if it is prepared."""
        statement = self._statements.get(query)
        if statement is not None:
            if self.must_begin:
                begin(self)
            call = bind_prepared(self, statement, params)
            if call is not None:
                return self.release(load_rows(self, run_prepared(call)))
        self.execute(query, params)
        rows = self.release(self.fetchall())
        prepared = last_prepared(self)
        if prepared is not None:
            if len(self._statements) >= (self.connection.prepared_max or 0):
                self._statements.clear()
            self._statements[query] = prepared
        return rows

    def bind(self, query: str, params: Sequence[Any]) -> PreparedCall | None:
        """Return an execution that can be sent; None if the statement is not prepared."""
        statement = self._statements.get(query)
        return bind_prepared(self, statement, params) if statement is not None else None

    @property
    def must_begin(self) -> bool:
        """Whether a transaction has to begin before the next statement."""
        connection = self.connection
        status = connection.pgconn.transaction_status
        return not connection.autocommit and status == TransactionStatus.IDLE


Kind: TypeAlias = tuple[type[InlineCursor | PreparedCursor], bool]
# The attribute of a connection that holds its cursors, so that they end with it.
CURSORS: Final = "statement_cursors"


def fetch_rows(
    connection: Any, kind: Kind, sql: str, params: Sequence[Any]
) -> Sequence[tuple[Any, ...]]:
    """Run a statement on Django's connection with a cursor of this kind; return the rows.

    Django's execute wrappers and its query log see it if they are active.
    """
    if connection.connection is None:
        connection.ensure_connection()
    cursor = cursor_of(connection.connection, kind)
    if has_execute_wrapper(connection.execute_wrappers) or connection.queries_logged:
        connection._prepare_cursor(cursor).execute(sql, params)  # noqa: SLF001
        return cursor.fetchall()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        return cursor.rows(sql, params)


def cursor_of(connection: Any, kind: Kind) -> InlineCursor | PreparedCursor:
    """Return the connection's cursor of a kind, which caches the types of parameters."""
    cursors: dict[Kind, InlineCursor | PreparedCursor] = vars(connection).setdefault(CURSORS, {})
    if kind not in cursors:
        class_, text_ids = kind
        cursors[kind] = class_(connection)
        cursors[kind].load(text_ids=text_ids)
    return cursors[kind]
