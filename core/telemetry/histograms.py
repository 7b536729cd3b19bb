"""Histograms to which many observations are added at once."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Self

from prometheus_client import Histogram

# Of requests, statements and tasks, in seconds.
SECONDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)


class Observed(NamedTuple):
    """Observations by bucket."""

    counts: Sequence[int]
    total: float

    @classmethod
    def of(cls, values: Iterable[float], buckets: Sequence[float]) -> Self:
        """Sort observations into buckets; the last count is of those above all."""
        ordered = sorted(values)
        ends = [*(bisect_right(ordered, bound) for bound in buckets), len(ordered)]
        return cls([end - start for start, end in pairwise([0, *ends])], sum(ordered))


class BatchedHistogram(Histogram):
    """A histogram that adds observations in batches.

    Among several processes, each addition writes to a shared file under a lock. A batch writes to
    each bucket once.
    """

    def add(self, observed: Observed) -> None:
        """Add observations of this histogram's buckets."""
        for bucket, count in zip(self._buckets, observed.counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(observed.total)
