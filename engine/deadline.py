"""A deadline for a request, which PostgreSQL's `statement_timeout` follows.

A connection's own `statement_timeout` ends each statement. While a request has more time left than
that, PostgreSQL needs no other timeout, so a deadline costs no round trip. Later statements run in
a transaction with a `SET LOCAL statement_timeout` of the time left. It ends with the transaction,
so no connection of a pool inherits it.

None of that ends a statement if PostgreSQL or its host hangs. Then `disconnect_overdue`, which a
thread without a request calls from time to time, closes the connection. Nothing interrupts an
attempt to connect, so the database's backend bounds it by `time_left`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from time import monotonic
from typing import Any, Final, Self

from django.db import transaction

from engine.internals.django import thread_connection
from engine.internals.psycopg import disconnect

# How much later than its deadline a request loses its connection: PostgreSQL's own time-outs, whose
# errors are specific, come first.
GRACE_SECONDS: Final = 1.0


class OperationCancelledError(BaseException):
    """Ends an operation; no handler turns it into the error of a field.

    It is not an `Exception`, like `asyncio.CancelledError`.
    """


class DeadlineExceededError(OperationCancelledError):
    """The deadline of the request has passed. An open transaction is rolled back."""


class Deadline:
    """The time by which a request must be answered, in seconds of the monotonic clock."""

    __slots__ = ("_connection", "_statement_timeout", "ends_at")

    def __init__(self, seconds: float, statement_timeout: float) -> None:
        """Set the deadline, in seconds from now; statements have their own timeout, in seconds."""
        self.ends_at = monotonic() + seconds
        self._statement_timeout = statement_timeout

    @property
    def remaining(self) -> float:
        """How many seconds are left, at least 0."""
        return max(0.0, self.ends_at - monotonic())

    def is_near(self) -> bool:
        """Return whether a statement that begins now might end too late."""
        return monotonic() + self._statement_timeout >= self.ends_at

    def check(self) -> None:
        """Raise `DeadlineExceededError` if it has passed."""
        if monotonic() >= self.ends_at:
            raise DeadlineExceededError

    def __enter__(self) -> Self:
        """Apply the deadline to the statements of the block, on this thread's connection."""
        self._connection: Any = thread_connection()
        self._connection.execute_wrappers.append(self)
        _active.add(self)
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove the deadline from the connection."""
        _active.discard(self)
        self._connection.execute_wrappers.remove(self)

    @contextmanager
    def on(self, connection: Any) -> Iterator[None]:
        """Apply the deadline to another connection's statements within the block."""
        before, self._connection = self._connection, connection
        try:
            yield
        finally:
            self._connection = before

    def disconnect(self) -> None:
        """Shut the connection down, so that a statement that waits for PostgreSQL fails."""
        connection = self._connection.connection
        if connection is not None:
            disconnect(connection)

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,
        many: bool,  # noqa: FBT001 - the signature of Django's execute wrappers
        context: dict[str, Any],
    ) -> Any:
        """Execute a statement in the time left. Raises `DeadlineExceededError` if there is none."""
        if not self.is_near():
            return execute(sql, params, many, context)
        self.check()
        on = context["connection"]
        with nullcontext() if on.in_atomic_block else transaction.atomic(using=on.alias):
            on.validate_no_broken_transaction()
            milliseconds = max(1, int(self.remaining * 1_000))
            with on.wrap_database_errors:
                on.connection.execute(
                    f"SET LOCAL statement_timeout = {milliseconds}", prepare=False
                )
            return execute(sql, params, many, context)


# Of all requests of the process.
_active: Final[set[Deadline]] = set()


def disconnect_overdue() -> None:
    """Disconnect requests that still run `GRACE_SECONDS` after their deadline."""
    latest = monotonic() - GRACE_SECONDS
    for deadline in tuple(_active):
        if deadline.ends_at < latest:
            deadline.disconnect()


def time_left(connection: Any) -> float | None:
    """Return the seconds until the deadline of a connection's request; None without one."""
    deadlines = [each for each in connection.execute_wrappers if isinstance(each, Deadline)]
    return min((each.remaining for each in deadlines), default=None)


def has_execute_wrapper(wrappers: list[Any], ignored: object = None) -> bool:
    """Return whether any of Django's execute wrappers but one is active for a statement."""
    for each in wrappers:
        if each is not ignored and (type(each) is not Deadline or each.is_near()):
            return True
    return False
