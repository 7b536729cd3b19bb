"""Buckets in this process's memory, for what is counted with every request.

A round trip to Redis costs as much as many an operation. So each process counts by itself, and a
client that reaches several of them gets the budget of each.
"""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from time import monotonic


class MemoryBuckets:
    """The buckets of the subjects seen last, by GCRA as in `core.ratelimit.buckets`.

    An LRU cache: a subject that is evicted starts again with an empty bucket.
    """

    def __init__(self, subjects: int) -> None:
        """Keep at most this many buckets."""
        self._subjects = subjects
        # When each bucket will be empty, the one that was used last at the end.
        self._empty_at: OrderedDict[Hashable, float] = OrderedDict()
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
            self._keep(subject, empty_at)
        return 0.0

    def overfill(self, subject: Hashable, seconds: float) -> None:
        """Add what takes so many seconds to leak away, whether or not there is room for it."""
        now = monotonic()
        with self._lock:
            self._keep(subject, max(self._empty_at.get(subject, now), now) + seconds)

    def clear(self) -> None:
        """Forget all buckets."""
        with self._lock:
            self._empty_at.clear()

    def _keep(self, subject: Hashable, empty_at: float) -> None:
        self._empty_at[subject] = empty_at
        self._empty_at.move_to_end(subject)
        if len(self._empty_at) > self._subjects:
            self._empty_at.popitem(last=False)
