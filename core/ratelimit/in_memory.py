"""Buckets in process memory, for limits that are counted with every request.

A round trip to Redis would cost as much as a cheap operation. So each process counts separately,
and a client that reaches several processes has the budget of each.
"""

from collections.abc import Hashable
from threading import Lock
from time import monotonic
from typing import Final

from cachetools import FIFOCache

# Seconds by which sums of times may differ from what they should be.
ROUNDING: Final = 1e-6


class MemoryBuckets:
    """The most recently filled buckets, by GCRA as in `core.ratelimit.buckets`.

    A subject whose bucket was evicted starts with an empty one. A refused attempt does not fill the
    bucket, so it does not delay the eviction.
    """

    def __init__(self, subjects: int) -> None:
        """Keep at most ``subjects`` buckets."""
        # The time at which each bucket will be empty. Evicted in the order of the last write.
        self._empty_at: FIFOCache[Hashable, float] = FIFOCache(subjects)
        self._lock = Lock()

    def __len__(self) -> int:
        """Return how many subjects have a bucket."""
        return len(self._empty_at)

    def fill(self, subject: Hashable, *, interval: float, capacity: float) -> float:
        """Add one point; return 0, or the seconds to wait if the bucket is full.

        One point leaks in ``interval`` seconds, a full bucket in ``capacity`` seconds.
        """
        now = monotonic()
        with self._lock:
            empty_at = max(self._empty_at.get(subject, now), now) + interval
            wait = empty_at - now - capacity
            if wait > ROUNDING:
                return wait
            self._empty_at[subject] = empty_at
        return 0.0

    def overfill(self, subject: Hashable, seconds: float) -> None:
        """Add points that leak in ``seconds``, even beyond the capacity."""
        now = monotonic()
        with self._lock:
            self._empty_at[subject] = max(self._empty_at.get(subject, now), now) + seconds

    def clear(self) -> None:
        """Delete all buckets."""
        with self._lock:
            self._empty_at.clear()
