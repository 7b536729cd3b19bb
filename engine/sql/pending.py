"""Statements of a transaction that are sent with the next one, or with COMMIT.

A statement whose rows the caller does not need waits for the next one whose rows it needs. Both are
sent in one libpq pipeline, in their order, BEGIN with the first. So a transaction takes as many
round trips as it has decisions, not statements.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from psycopg.pq import TransactionStatus

from engine.internals.psycopg import (
    PreparedCall,
    begin_command,
    is_stale_plan,
    load_result,
    run_pipelined,
)
from engine.sql import prepared
from engine.sql.pipelines import PipelineBlock, Rows, is_unwatched
from engine.sql.prepared import Kind, PreparedCursor, cursor_of

COMMIT: Final = b"COMMIT"


class _Pending(NamedTuple):
    kind: Kind
    sql: str
    params: Sequence[Any]
    call: PreparedCall


class PendingStatements(PipelineBlock):
    """The outermost block of a transaction, in which statements may wait.

    The error of a statement that waited is raised by the one that it is sent with, or by `commit`.
    It marks the transaction for rollback, so that nothing is committed even if it is caught.
    """

    def __init__(self, connection: Any) -> None:
        """Take Django's connection, which no log or execute wrapper watches."""
        self._connection = connection
        self._pending: list[_Pending] = []

    def enter(self) -> None:
        """Begin to see the connection's statements."""
        self._connection.execute_wrappers.append(self)

    def leave(self) -> None:
        """End the block. What still waits is not sent."""
        self._connection.execute_wrappers.remove(self)

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
        """Send what waits before a statement of Django's, as one of its execute wrappers."""
        self.flush()
        return execute(sql, params, *more)

    def add(self, kind: Kind, sql: str, params: Sequence[Any]) -> None:
        """Execute a statement at the latest before COMMIT; at once if it is not prepared.

        At once in a savepoint, too, whose block handles the error.
        """
        self._connection.validate_no_broken_transaction()
        call = None if self._connection.savepoint_ids else self._bind(kind, sql, params)
        if call is None:
            self.fetch_next(kind, sql, params)
        else:
            self._pending.append(_Pending(kind, sql, params, call))

    def fetch_next(self, kind: Kind, sql: str, params: Sequence[Any]) -> Rows:
        """Return the rows of a statement, which is sent with those that wait."""
        self._connection.validate_no_broken_transaction()
        call = self._bind(kind, sql, params) if is_unwatched(self._connection, self) else None
        if call is not None:
            return self._send(call)
        self.flush()
        with self._outside_block():
            return prepared.fetch_rows(self._connection, kind, sql, params)

    def flush(self) -> None:
        """Send what waits. Raises the errors of the statements."""
        if not self._pending:
            return
        if is_unwatched(self._connection, self):
            self._send()
            return
        pending, self._pending = self._pending, []
        with self._outside_block():
            for kind, sql, params, _call in pending:
                prepared.fetch_rows(self._connection, kind, sql, params)

    def commit(self) -> None:
        """Send what waits with COMMIT; if nothing waits, leave COMMIT to Django."""
        if self._pending and is_unwatched(self._connection, self):
            self._send(COMMIT)
        else:
            self.flush()

    def _bind(self, kind: Kind, sql: str, params: Sequence[Any]) -> PreparedCall | None:
        """Return an execution for a pipeline; None if the statement is not prepared."""
        connection = self._connection
        if connection.connection is None:
            connection.ensure_connection()
        cursor = cursor_of(connection.connection, kind)
        if not isinstance(cursor, PreparedCursor):
            return None
        with connection.wrap_database_errors:
            return cursor.bind(sql, params)

    def _send(self, *last: PreparedCall | bytes) -> Rows:
        """Send what waits, and a last statement or command; return the rows of the last.

        Raises the error of the first that fails.
        """
        connection, pending, self._pending = self._connection, self._pending, []
        statements = [*[each.call for each in pending], *last]
        if connection.connection.pgconn.transaction_status == TransactionStatus.IDLE:
            statements.insert(0, begin_command(connection.connection))
        try:
            with connection.wrap_database_errors:
                results = run_pipelined(connection.connection, statements)
                rows = [load_result(*each) for each in zip(statements, results, strict=True)]
        except BaseException as error:
            connection.needs_rollback, connection.rollback_exc = True, error
            if is_stale_plan(error.__cause__):
                # A migration changed a column: see `engine.sql.statements.Statement.run`.
                connection.close_at = 0.0
            raise
        return rows[-1]

    @contextmanager
    def _outside_block(self) -> Iterator[None]:
        """Execute statements outside of the block."""
        wrappers = self._connection.execute_wrappers
        at = wrappers.index(self)
        del wrappers[at]
        try:
            yield
        finally:
            wrappers.insert(at, self)


def pending_statements(connection: Any) -> PendingStatements | None:
    """Return the block that is active on a connection, if any."""
    for each in connection.execute_wrappers:
        if type(each) is PendingStatements:
            return each
    return None
