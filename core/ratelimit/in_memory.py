"""Buckets in this process's memory, for what is counted with every request.

A round trip to Redis costs as much as many an operation. So each process counts by itself, and a
client that reaches several of them gets the budget of each.
"""

from collections.abc import Hashable
from threading import Lock
from time import monotonic

from cachetools import FIFOCache


class MemoryBuckets:
    """The most recently filled buckets, by GCRA as in `core.ratelimit.buckets`.

    A subject whose bucket was evicted starts again with an empty one. A refused attempt fills
    nothing, so it does not delay the eviction either.
    """

    def __init__(self, subjects: int) -> None:
        """Keep at most ``subjects`` buckets."""
        # When each bucket will be empty. FIFO by the last write, which a read does not postpone.
        self._empty_at: FIFOCache[Hashable, float] = FIFOCache(subjects)
        self._lock = Lock()

    def __len__(self) -> int:
        """Return how many subjects have a bucket."""
        return len(self._empty_at)

    def fill(self, subject: Hashable, *, interval: float, capacity: float) -> float:
        """Add one point, or return the seconds until there is room for one.

        A point leaks away in ``interval`` seconds, a full bucket in ``capacity`` seconds.
        """
        now = monotonic()
        with self._lock:
            empty_at = max(self._empty_at.get(subject, now), now) + interval
            wait = empty_at - now - capacity
            if wait > 0:
                return wait
            self._empty_at[subject] = empty_at
        return 0.0

    def overfill(self, subject: Hashable, seconds: float) -> None:
        """Add what takes ``seconds`` to leak away, whether or not there is room for it."""
        now = monotonic()
        with self._lock:
            self._empty_at[subject] = max(self._empty_at.get(subject, now), now) + seconds

    def clear(self) -> None:
        """Delete all buckets."""
        with self._lock:
            self._empty_at.clear()
