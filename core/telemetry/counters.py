"""Counters for the hot path, whose increments are written together.

Among several processes, each increment writes to a shared file under a lock, which takes longer
than to look up a cached answer.
"""

import os
from collections import Counter as Counts
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, TypeVar

from prometheus_client import Counter, Metric

T = TypeVar("T")

# More than a process counts in a second.
MAX_PENDING: Final = 500_000
_pending: Final["deque[PendingCounter]"] = deque(maxlen=MAX_PENDING)


class PendingCounter(Counter):
    """A counter of which each increment waits for the next `flush_counters`, or for a reading."""

    def increment(self) -> None:
        """Count one more."""
        _pending.append(self)

    def collect(self) -> Iterable[Metric]:
        """Return the values, with all increments."""
        flush_counters()
        return super().collect()


def flush_counters() -> None:
    """Write all increments that wait."""
    counts: Counts[Any] = Counts(taken(_pending))
    for counter, count in counts.items():
        counter.inc(count)


def discard_counters() -> None:
    """Forget all increments that wait."""
    _pending.clear()


def taken(queue: deque[T]) -> Iterator[T]:
    """Take all that waits in a queue; another thread may do so, too."""
    with suppress(IndexError):
        while True:
            yield queue.popleft()


# Those of a child are its own.
os.register_at_fork(after_in_child=discard_counters)
