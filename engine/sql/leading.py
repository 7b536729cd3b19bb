"""A statement that is sent with the connection's next one, in one libpq pipeline.

Its rows decide whether the other's are read at all. So a request saves a round trip if it can guess
what a first statement will return, and is executed again after a wrong guess.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

from django.db import InterfaceError, OperationalError

from engine.internals.django import thread_connection
from engine.internals.psycopg import PreparedCall, is_stale_plan, load_rows, run_pipelined
from engine.sql import prepared
from engine.sql.pipelines import PipelineBlock, Rows, has_prepared_statements, is_unwatched
from engine.sql.prepared import Kind, PreparedCursor, cursor_of
from engine.sql.statements import Statement


class NotConfirmedError(BaseException):
    """A leading statement did not return the expected rows; what followed must be discarded.

    If the statement failed, ``error`` is Django's exception. No handler turns this into the error
    of a field, so it is not an `Exception`.
    """

    def __init__(self, error: Exception | None = None) -> None:
        """Carry the error of the statement."""
        super().__init__()
        self.error = error


class _State(Enum):
    PENDING = auto()
    CONFIRMED = auto()
    REFUSED = auto()


def leading_connection() -> Any:
    """Return this thread's connection if a leading statement may save a round trip.

    None before the connection is open, in a transaction, without prepared statements, or while
    statements are logged or wrapped.
    """
    on = thread_connection()
    can_lead = has_prepared_statements(on) and on.autocommit and _can_pipeline(on, None)
    return on if can_lead else None


def _can_pipeline(connection: Any, block: PipelineBlock | None) -> bool:
    """Return whether no transaction, log or other wrapper has to see each statement by itself."""
    return not connection.in_atomic_block and is_unwatched(connection, block)


class LeadingStatement(PipelineBlock):
    """A block whose first statement is preceded by this one.

    Both are sent in one pipeline if they are prepared. The block ends normally only if the
    statement returned the ``expected`` rows. Otherwise it raises `NotConfirmedError`, before any
    rows of another statement are read: at each statement that follows in the block, by
    `run_leading`, and at its end. An `Exception` leaves the block only after the statement, too.
    """

    def __init__(
        self, connection: Any, statement: Statement, values: Mapping[str, Any], expected: Rows
    ) -> None:
        """Take the `leading_connection`, the statement, its values, and the expected rows."""
        self._connection = connection
        self._statement = statement
        self._values = values
        self._expected = expected
        self._state = _State.PENDING

    @property
    def is_confirmed(self) -> bool:
        """Whether the statement returned the expected rows."""
        return self._state is _State.CONFIRMED

    def __enter__(self) -> Self:
        """Put the statement before the next one."""
        self._connection.execute_wrappers.append(self)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Execute the statement if nothing did. Raises `NotConfirmedError`."""
        try:
            if error is None or isinstance(error, Exception):
                self.run()
        finally:
            self._leave()

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, *more: Any) -> Any:
        """Run before a statement of Django's, as one of its execute wrappers."""
        self.run()
        return execute(sql, params, *more)

    def run(self) -> None:
        """Execute the statement alone unless it is confirmed. Raises `NotConfirmedError`."""
        if self.is_confirmed:
            return
        self._require_not_refused()
        # Until its rows are checked; it does not precede itself.
        self._state = _State.REFUSED
        self._leave()
        try:
            rows = self._statement.rows(self._values)
        except Exception as error:
            raise NotConfirmedError(error) from error
        finally:
            self._connection.execute_wrappers.append(self)
        self._check(rows)

    def fetch_next(self, kind: Kind, sql: str, params: Sequence[Any]) -> Rows:
        """Return the rows of the statement that follows. Raises `NotConfirmedError`."""
        self._require_not_refused()
        connection = self._connection
        if connection.connection is None:
            connection.ensure_connection()
        with connection.wrap_database_errors:
            calls = self._calls(kind, sql, params)
        if calls is None:
            self._run_before_other()
            return prepared.fetch_rows(connection, kind, sql, params)
        own, other = calls
        # If the connection is lost, this statement still leads when the other one is tried again.
        with connection.wrap_database_errors:
            own_result, other_result = run_pipelined(connection.connection, [own, other])
        try:
            with connection.wrap_database_errors:
                rows = load_rows(own.cursor, own_result)
        except Exception as error:
            if is_stale_plan(error.__cause__):
                self.run()
                return prepared.fetch_rows(connection, kind, sql, params)
            self._state = _State.REFUSED
            raise NotConfirmedError(error) from error
        self._check(self._statement.convert(rows, connection))
        with connection.wrap_database_errors:
            found: Rows = other.cursor.release(load_rows(other.cursor, other_result))
        return found

    def _run_before_other(self) -> None:
        """Execute the statement alone, on the connection that the other one has not checked.

        If that is lost, raises Django's error, and still leads when the other one is tried again.
        """
        try:
            self.run()
        except NotConfirmedError as refusal:
            is_lost = isinstance(refusal.error, InterfaceError | OperationalError)
            if refusal.error is None or not is_lost or self._connection.is_usable():
                raise
            self._state = _State.PENDING
            raise refusal.error from None

    def _calls(
        self, kind: Kind, sql: str, params: Sequence[Any]
    ) -> tuple[PreparedCall, PreparedCall] | None:
        """Return both executions; None unless both can go out in a pipeline."""
        connection = self._connection
        if not _can_pipeline(connection, self):
            return None
        own = cursor_of(connection.connection, self._statement.kind)
        other = cursor_of(connection.connection, kind)
        if not (isinstance(own, PreparedCursor) and isinstance(other, PreparedCursor)):
            return None
        if other.must_begin:
            return None
        following = other.bind(sql, params)
        leading = following and own.bind(
            self._statement.sql or "", self._statement.bind(self._values)
        )
        return (leading, following) if leading and following else None

    def _require_not_refused(self) -> None:
        if self._state is _State.REFUSED:
            raise NotConfirmedError

    def _check(self, rows: Rows) -> None:
        """Confirm, so that other statements go out by themselves. Raises `NotConfirmedError`."""
        self._state = _State.CONFIRMED if rows == self._expected else _State.REFUSED
        self._require_not_refused()
        self._leave()

    def _leave(self) -> None:
        """Stop preceding other statements."""
        wrappers = self._connection.execute_wrappers
        if self in wrappers:
            wrappers.remove(self)


def run_leading() -> None:
    """Execute this thread's leading statement now, if one is pending.

    Raises `NotConfirmedError`. Call it before effects that are not the database's.
    """
    for each in thread_connection().execute_wrappers:
        if type(each) is LeadingStatement:
            each.run()
            return
