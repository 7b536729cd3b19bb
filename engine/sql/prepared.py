"""psycopg's cursors for statements that are run often, kept with their connection."""

from collections.abc import Sequence
from typing import Any, Final, Self, TypeAlias, cast

from django.conf import settings
from psycopg import ClientCursor, Cursor
from psycopg._queries import PostgresQuery
from psycopg.adapt import AdaptersMap, PyFormat
from psycopg.errors import OperationalError, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.string import TextLoader

from engine.deadline import has_execute_wrapper

# A cursor that is kept would keep results with more rows until its next statement.
MAX_RETAINED_ROWS: Final = 200


class _Loaders:
    """What a cursor makes of values: the same as Django's, in less time."""

    adapters: AdaptersMap
    _tx: Any
    _reset: Any

    def release(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Return the rows; have libpq free the result they were made of if there are many."""
        if len(rows) > MAX_RETAINED_ROWS:
            self._reset(reset_query=False)
            self._tx.set_pgresult(None)
        return rows

    def load(self, *, text_ids: bool) -> None:
        """Have moments read in C, and UUIDs left as they come, in their canonical form."""
        self.adapters.register_loader("timestamptz", TimestamptzLoader)
        if text_ids:
            self.adapters.register_loader("uuid", TextLoader)


class InlineCursor(_Loaders, ClientCursor[Any]):
    """A cursor that puts values into the text, as Django's do."""

    def rows(self, query: str, params: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """Execute and return the rows."""
        self.execute(query, params)
        return self.release(self.fetchall())


class PreparedCursor(_Loaders, Cursor[Any]):
    """A cursor whose statements PostgreSQL parses once a connection, and plans once."""

    def __init__(self, connection: Any) -> None:
        """Know no statement yet."""
        super().__init__(connection)
        # By the text: the parameters' formats, and what psycopg names the statement by.
        self._known: dict[str, tuple[Sequence[PyFormat], tuple[bytes, tuple[int, ...]]]] = {}

    def execute(self, query: Any, params: Any = None, **_options: Any) -> Self:
        """Execute, and have PostgreSQL remember the statement."""
        try:
            return super().execute(query, params, prepare=settings.PREPARED_STATEMENTS)
        finally:
            # As psycopg does for statements that it does not prepare; Django's log asks for it.
            self._query = self._convert_query(query, params)

    def rows(self, query: str, params: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """Execute and return the rows; in one call of libpq if PostgreSQL knows the statement.

        psycopg waits for answers in Python, so that a signal can interrupt it; a statement that
        is prepared is short enough to be waited for.
        """
        known = self._known.get(query)
        if known is None or self._must_begin():
            return self._rows_of_unknown(query, params)
        formats, key = known
        # Nulls are fine, whatever the signature says.
        values = cast("Any", self._tx.dump_sequence(params, formats))
        name = self._conn._prepared._names.get(key)  # noqa: SLF001 - psycopg has no public name for it
        if name is None or self._tx.types != key[1]:
            return self._rows_of_unknown(query, params)
        result = self._pgconn.exec_prepared(
            name, values, self._tx.formats, result_format=self.format
        )
        if self._pgconn.status == ConnStatus.BAD:
            raise OperationalError(result.get_error_message())
        if result.status != ExecStatus.TUPLES_OK:
            raise error_from_result(result, encoding=self._encoding)
        self._tx.set_pgresult(result)
        return self.release(self._tx.load_rows(0, result.ntuples, tuple))

    def _rows_of_unknown(self, query: str, params: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """Execute as psycopg does, and take notice of the statement that it prepared."""
        self.execute(query, params)
        rows = self.release(self.fetchall())
        used = cast("PostgresQuery", self._query)
        if used._want_formats is not None:  # noqa: SLF001 - psycopg has no public name for it
            if len(self._known) >= (self._conn.prepared_max or 0):
                self._known.clear()
            self._known[query] = used._want_formats, (used.query, used.types)  # noqa: SLF001
        return rows

    def _must_begin(self) -> bool:
        status = self._pgconn.transaction_status
        return not self._conn.autocommit and status == TransactionStatus.IDLE


Kind: TypeAlias = tuple[type[InlineCursor | PreparedCursor], bool]
# Where a connection keeps its own, so that they end with it.
CURSORS: Final = "statement_cursors"


def fetch_rows(
    connection: Any, kind: Kind, sql: str, params: Sequence[Any]
) -> Sequence[tuple[Any, ...]]:
    """Run a statement on Django's connection, with a cursor of the kind; return the rows.

    It passes through Django's execute wrappers and its log, where there are any.
    """
    connection.ensure_connection()
    cursor = _cursor(connection.connection, kind)
    if has_execute_wrapper(connection.execute_wrappers) or connection.queries_logged:
        connection._prepare_cursor(cursor).execute(sql, params)  # noqa: SLF001
        return cursor.fetchall()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        return cursor.rows(sql, params)


def _cursor(connection: Any, kind: Kind) -> InlineCursor | PreparedCursor:
    """Return the connection's cursor of a kind; what it learns about types is worth keeping."""
    cursors: dict[Kind, InlineCursor | PreparedCursor] = vars(connection).setdefault(CURSORS, {})
    if kind not in cursors:
        class_, text_ids = kind
        cursors[kind] = class_(connection)
        cursors[kind].load(text_ids=text_ids)
    return cursors[kind]
