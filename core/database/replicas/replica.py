"""One replica: whether it may be used, and statements on it."""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from enum import StrEnum
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar

from django.db import Error
from prometheus_client import Counter, Gauge

from core.database.replicas.connections import OpenConnections, ReplicaConnection
from core.database.replicas.positions import Position, Positions, position_values
from engine.deadline import Deadline, OperationCancelledError
from engine.internals.django import substituted_connection, thread_connection
from engine.sql.leading import LeadingStatement, NotConfirmedError
from engine.sql.statements import Statement

T = TypeVar("T")
# How long requests avoid a replica after one of them has lost its connection.
RETRY_SECONDS: Final = 2.0

READS: Final = Counter(
    "database_replica_reads",
    "Queries that a replica was to execute, by result.",
    ["replica", "result"],
)
LAG: Final = Gauge(
    "database_replica_lag_seconds",
    "How old the data of a replica is at most.",
    ["replica"],
    multiprocess_mode="livemax",
)
IN_USE: Final = Gauge(
    "database_replica_in_use",
    "Processes that send queries to a replica.",
    ["replica"],
    multiprocess_mode="livesum",
)


class Outcome(StrEnum):
    """What became of a query on a replica."""

    ANSWERED = "answered"
    # It does not yet show what the request needs.
    BEHIND = "behind"
    FAILED = "failed"


class Confirmation(NamedTuple):
    """A statement with its values, and the row that a replica must return.

    The row is what the primary returned, so the replica shows at least what it depends on. Another
    column is `has_replayed`.
    """

    statement: Statement
    values: Mapping[str, Any]
    row: tuple[Any, ...]


class Replica:
    """A replica, as one process sees it."""

    def __init__(
        self, name: str, parameters: dict[str, Any], positions: Positions, max_lag: float
    ) -> None:
        """Take its name in metrics, Django's settings of the database, and the bound in seconds."""
        self.name = name
        self._positions = positions
        self.parameters = parameters
        self.opened = OpenConnections()
        self._max_lag = max_lag
        # The monotonic time whose data it is known to show; None before the first.
        self._shown_at: float | None = None
        self._created_at = monotonic()
        # It is not used until then, after a failure.
        self._retry_at = 0.0
        self._thread = threading.local()
        self._reads = {each: READS.labels(name, each) for each in Outcome}
        self._lag = LAG.labels(name)
        self._in_use = IN_USE.labels(name)

    def is_usable(self) -> bool:
        """Return whether it is connected, and shows data that is not older than the bound."""
        now = monotonic()
        shown_at = self._shown_at
        return shown_at is not None and now - shown_at <= self._max_lag and not self._is_left()

    def _is_left(self) -> bool:
        """Return whether it failed a short time ago."""
        return monotonic() < self._retry_at

    def confirm(self, replayed: Position | None) -> None:
        """Record what it has replayed; None if it is no replica."""
        shown_at = None if replayed is None else self._positions.shown_at(replayed)
        if shown_at is not None:
            self._shown_at = shown_at
        self._report()

    def leave(self) -> None:
        """Stop using it; queries that wait for it fail at once."""
        self._retry_at = monotonic() + RETRY_SECONDS
        self.opened.disconnect()
        self._report()

    def execute(
        self,
        confirmation: Confirmation,
        function: Callable[[], T],
        is_final: Callable[[T], bool],
    ) -> T | None:
        """Return what the function returns, whose statements are executed by the replica.

        None if the replica does not return the row of the confirmation, or fails: the function must
        be called again, without this. A result that ``is_final`` is returned in spite of errors.
        """
        position = self._positions.least(self._max_lag)
        if position is None:
            return None
        # Again on this connection: an address may lead to several replicas.
        values = {**confirmation.values, **position_values(position)}
        confirmation = confirmation._replace(values=values)
        connection = self._connection()
        outcome, result = Outcome.FAILED, None
        try:
            result = _execute(connection, confirmation, function, self._is_left)
            # A field's resolver may have caught the error.
            if not connection.errors_occurred or is_final(result):
                outcome = Outcome.ANSWERED
        except NotConfirmedError as refusal:
            if refusal.error is None:
                outcome = Outcome.BEHIND
        except (Exception, OperationCancelledError):
            # Not the replica's fault: the primary would raise it as well.
            outcome = Outcome.ANSWERED
            raise
        finally:
            self._reads[outcome].inc()
            if outcome is Outcome.FAILED:
                # A server that answers has refused this query only, as after a recovery conflict.
                if connection.connection is None or not connection.is_usable():
                    self._retry_at = monotonic() + RETRY_SECONDS
                connection.close()
            else:
                connection.close_if_unusable_or_obsolete()
        return result if outcome is Outcome.ANSWERED else None

    def close(self) -> None:
        """Close this thread's connection, and have those of others fail."""
        self._connection().close()
        self.opened.disconnect()

    def _connection(self) -> ReplicaConnection:
        """Return this thread's connection, which may be closed."""
        try:
            found: ReplicaConnection = self._thread.connection
        except AttributeError:
            found = self._thread.connection = ReplicaConnection(self.parameters, self.opened)
        return found

    def _report(self) -> None:
        self._lag.set(monotonic() - (self._shown_at or self._created_at))
        self._in_use.set(self.is_usable())


def _execute(
    connection: ReplicaConnection,
    confirmation: Confirmation,
    function: Callable[[], T],
    is_left: Callable[[], bool],
) -> T:
    """Call the function while the connection is the thread's.

    Raises `NotConfirmedError` for another row than that of the confirmation, or an error.
    """
    connection.execute_wrappers = [*thread_connection().execute_wrappers]
    request = ExitStack()
    for each in connection.execute_wrappers:
        if isinstance(each, Deadline):
            # A server that answers polls may hang, or send an answer byte by byte.
            request.enter_context(each.on(connection))
    try:
        connection.ensure_connection()
        leading = LeadingStatement(
            connection, confirmation.statement, confirmation.values, [confirmation.row]
        )
        replaced = connection.replaced_once(is_left)
        with replaced, substituted_connection(connection), leading:
            return function()
    except (Error, OSError) as error:
        raise NotConfirmedError(error) from error
    finally:
        request.close()
        connection.execute_wrappers = []
