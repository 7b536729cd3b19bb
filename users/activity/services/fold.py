"""Keeping the number of segments of past intervals bounded."""

import datetime as dt
from collections.abc import Iterator
from itertools import islice, product
from typing import Final, TypeAlias

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from core.database.counts import add_counts
from core.database.locks import try_lock
from users.activity.analytics import OTHERS, AnalyticsDimension, AnalyticsInterval
from users.activity.models import COUNTS, SIZE, IntervalCounts, RollUp
from users.activity.services.roll_up import ROLL_UP, has_backlog
from users.activity.services.tally import KEY

# Segments with a name, of an interval and a dimension that are over.
MAX_SEGMENTS: Final = 50
# Of one run; the next one continues.
MAX_FOLDED: Final = 1_000
# Before the last complete run, in which intervals are checked again: events that were sealed late
# may have added segments.
LATE: Final = dt.timedelta(days=35)

Group: TypeAlias = tuple[AnalyticsInterval, AnalyticsDimension, dt.date]


def fold_segments() -> None:
    """Add all but the largest segments of past intervals to those without a name."""
    if has_backlog():
        return
    # Of an interval that ended a day ago, hardly an event is late.
    yesterday = timezone.now().date() - dt.timedelta(days=1)
    groups = list(islice(_crowded_groups(before=yesterday), MAX_FOLDED))
    for interval, dimension, start in groups:
        with transaction.atomic(durable=True):
            if not try_lock(ROLL_UP):
                return
            _fold(interval, dimension, start)
    if len(groups) < MAX_FOLDED:
        RollUp.objects.filter(pk=1).update(folded_before=yesterday)


def _crowded_groups(*, before: dt.date) -> Iterator[Group]:
    """Yield intervals with too many segments that ended before a day.

    Not those that were folded long before the last run.
    """
    folded_before = RollUp.objects.values_list("folded_before", flat=True).first()
    since = folded_before - LATE if folded_before else dt.date.min
    for interval, dimension in product(AnalyticsInterval, AnalyticsDimension):
        # A range of the unique index.
        rows = IntervalCounts.objects.filter(
            interval=interval,
            dimension=dimension,
            start__gte=interval.start_of(since),
            start__lt=interval.start_of(before),
        )
        starts = rows.exclude(segment=OTHERS).order_by("start").values_list("start", flat=True)
        crowded = starts.annotate(number=Count("pk")).filter(number__gt=MAX_SEGMENTS)
        for start in crowded:
            yield interval, dimension, start


def _fold(interval: AnalyticsInterval, dimension: AnalyticsDimension, start: dt.date) -> None:
    rows = IntervalCounts.objects.filter(interval=interval, dimension=dimension, start=start)
    by_size = rows.exclude(segment=OTHERS).order_by(*(f"-{name}" for name in SIZE), "segment")
    rest = list(by_size[MAX_SEGMENTS:])
    sums = {name: sum(getattr(row, name) for row in rest) for name in COUNTS}
    IntervalCounts.objects.filter(pk__in=[row.pk for row in rest]).delete()
    add_counts(IntervalCounts, KEY, {(interval, dimension, start, OTHERS): sums})
