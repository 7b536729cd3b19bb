"""Positions in the primary's write-ahead log, by which the age of a replica is known."""

from collections import deque
from time import monotonic
from typing import Any, Final, NamedTuple

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from engine.sql.statements import Param

# Five minutes of polls, the most that `DATABASE_REPLICA_MAX_LAG_MS` allows.
MAX_POSITIONS: Final = 1_200

# False on a server that is no replica, such as one that was promoted.
HAS_REPLAYED: Final = """
    COALESCE(
        pg_last_wal_replay_lsn() - '0/0'::pg_lsn >= CAST(%s AS numeric)
            AND (SELECT mark FROM replicas_timeline) = CAST(%s AS uuid),
        FALSE
    )
"""


class Position(NamedTuple):
    """A position in the log, and the mark of its timeline (`Timeline`).

    Positions of two timelines do not compare: after a failover, a replica that follows the former
    primary may have the higher ones.
    """

    number: int
    mark: str

    def is_shown_by(self, replayed: "Position") -> bool:
        """Return whether a replica shows it that has replayed so much."""
        return self.mark == replayed.mark and self.number <= replayed.number


def has_replayed() -> RawSQL:
    """Return a column that says whether a replica has replayed the statement's position."""
    params = [Param.named("position"), Param.named("mark")]
    return RawSQL(HAS_REPLAYED, params, BooleanField())  # noqa: S611 - no value is written into it


def position_values(position: Position) -> dict[str, Any]:
    """Return the values of `has_replayed`."""
    return {"position": str(position.number), "mark": position.mark}


class Positions:
    """When the primary's log had which length.

    Times are of this process's monotonic clock, before the position was read. So no clocks are
    compared, and an idle primary does not make its replicas look old.
    """

    def __init__(self) -> None:
        """Start without positions."""
        self._known: deque[tuple[float, Position]] = deque(maxlen=MAX_POSITIONS)

    def add(self, at: float, position: Position) -> None:
        """Add a position."""
        self._known.append((at, position))

    def shown_at(self, replayed: Position) -> float | None:
        """Return the last known time whose data a replica shows that has replayed so much.

        None if it is further behind than all known positions, or on another timeline.
        """
        # A copy, because another thread may add one.
        known = reversed(tuple(self._known))
        return next((at for at, position in known if position.is_shown_by(replayed)), None)

    def least(self, max_age: float) -> Position | None:
        """Return the position that a replica has replayed whose data is not older, in seconds.

        It is on the last timeline. None if no position is known that is young enough.
        """
        since = monotonic() - max_age
        # A copy, because another thread may add one. From the newest, because few are young enough.
        known = tuple(self._known)
        least = None
        for at, position in reversed(known):
            if at < since or position.mark != known[-1][1].mark:
                break
            least = position
        return least
