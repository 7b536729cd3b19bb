"""Buckets in process memory, for limits that are counted with every request.

A round trip to Redis would take a considerable part of a cheap operation. So each process counts by
itself, and shares what it has counted with the others in batches, of a hundredth of a bucket.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple, TypeAlias

# Seconds by which sums of times may differ from what they should be.
ROUNDING: Final = 1e-6
# What a process counts before it shares it is less than this part of a bucket.
BATCH: Final = 100


class Level(NamedTuple):
    """The seconds until a bucket is empty, and to wait until the points fit."""

    empty_in: float
    wait: float = 0.0


# Adds the debt of a subject to its shared bucket, in seconds, and a size if it fits the capacity.
Share: TypeAlias = Callable[[Hashable, float, float, float], Level]


@dataclass(slots=True)
class _Bucket:
    """When it will be empty, and what of it is not shared yet, in seconds."""

    empty_at: float
    unshared: float = 0.0


class MemoryBuckets:
    """The most recently filled buckets, by GCRA as in `core.ratelimit.buckets`.

    A subject whose bucket was evicted starts with an empty one, until its points are shared. A
    refused attempt does not fill the bucket, so it does not delay the eviction.
    """

    def __init__(self, subjects: int, share: Share | None = None) -> None:
        """Keep at most ``subjects`` buckets; without ``share``, of this process alone."""
        # In the order of the last write, in which they are evicted.
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()
        self._subjects = subjects
        self._share = share
        self._lock = Lock()

    def __len__(self) -> int:
        """Return how many subjects have a bucket."""
        return len(self._buckets)

    def fill(self, subject: Hashable, *, interval: float, capacity: float) -> float:
        """Add one point; return 0, or the seconds to wait if the bucket is full.

        One point leaks in ``interval`` seconds, a full bucket in ``capacity`` seconds.
        """
        now = monotonic()
        with self._lock:
            bucket = self._buckets.get(subject) or _Bucket(now)
            empty_at = max(bucket.empty_at, now) + interval
            wait = empty_at - now - capacity
            if wait > ROUNDING:
                return wait
            bucket.empty_at = empty_at
            bucket.unshared += interval
            self._keep(subject, bucket)
            if bucket.unshared < capacity / BATCH:
                return 0.0
        return self._settle(subject, interval, capacity).wait

    def overfill(self, subject: Hashable, seconds: float, capacity: float) -> None:
        """Add points that leak in ``seconds``, even beyond the capacity."""
        now = monotonic()
        with self._lock:
            bucket = self._buckets.get(subject) or _Bucket(now)
            bucket.empty_at = max(bucket.empty_at, now) + seconds
            bucket.unshared += seconds
            self._keep(subject, bucket)
            if bucket.unshared < capacity / BATCH:
                return
        self._settle(subject, 0.0, capacity)

    def level(self, subject: Hashable, capacity: float) -> float:
        """Share what was counted; return the seconds until the bucket is empty."""
        return self._settle(subject, 0.0, capacity).empty_in

    def alone(self, subject: Hashable) -> Level:
        """Return the level that this process knows, without the points of others."""
        bucket = self._buckets.get(subject)
        return Level(max(0.0, bucket.empty_at - monotonic()) if bucket else 0.0)

    def clear(self) -> None:
        """Delete all buckets."""
        with self._lock:
            self._buckets.clear()

    def _keep(self, subject: Hashable, bucket: _Bucket) -> None:
        self._buckets[subject] = bucket
        self._buckets.move_to_end(subject)
        if len(self._buckets) > self._subjects:
            self._buckets.popitem(last=False)

    def _settle(self, subject: Hashable, size: float, capacity: float) -> Level:
        """Share what was counted, of which the last ``size`` may be refused.

        What could not be shared is shared with the next points.
        """
        with self._lock:
            bucket = self._buckets.get(subject) or _Bucket(monotonic())
            if self._share is None:
                return self.alone(subject)
            counted, bucket.unshared = bucket.unshared, 0.0
        try:
            level = self._share(subject, max(0.0, counted - size), min(size, counted), capacity)
        except BaseException:
            with self._lock:
                bucket.unshared += counted
            raise
        with self._lock:
            bucket.empty_at = monotonic() + level.empty_in + bucket.unshared
        return level
