"""Counts by interval and segment, retention, and what is to be rolled up."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar, Final, Self, TypeAlias

from django.db import models
from django.db.models import Case, F, Q, Sum, Value, When
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from core.security.actor import Actor
from users.activity.analytics import OTHERS, AnalyticsDimension, AnalyticsInterval
from users.activity.policy import may_read_analytics

# The counted columns of `IntervalCounts`.
COUNTS: Final = (
    *("sign_ups", "completed_sign_ups", "new_users", "imported_users", "erased_users"),
    *("log_ins", "failed_log_ins", "lockouts", "active_users", "second_factor_users"),
    *("mails_sent", "mails_failed"),
)
# The dimension of rows that count all users.
ALL: Final = "all"
# The counts that decide which segments are the largest, in order.
SIZE: Final = ("active_users", "log_ins", "new_users")

Counts: TypeAlias = Mapping[str, int]
SegmentCounts: TypeAlias = Mapping[tuple[dt.date, str], Counts]


@dataclass(frozen=True, slots=True)
class Series:
    """Counts by the first day of each interval; zeros have no entry."""

    counts: Mapping[dt.date, Counts]
    # The sums of all intervals before.
    earlier: Counts

    def values(self, name: str, starts: Iterable[dt.date]) -> list[int]:
        """Return a count in each interval."""
        return [self.counts.get(start, {}).get(name, 0) for start in starts]

    def totals(self, name: str, starts: Iterable[dt.date]) -> list[int]:
        """Return a count from the beginning to the end of each interval."""
        known = sorted(self.counts)
        sums = [*accumulate(self.values(name, known), initial=self.earlier.get(name, 0))]
        return [sums[bisect_right(known, start)] for start in starts]

    def total_users(self, starts: Sequence[dt.date]) -> list[int]:
        """Return how many users there were at the end of each interval, without erased ones."""
        names = ("new_users", "imported_users", "erased_users")
        columns = zip(*(self.totals(name, starts) for name in names), strict=True)
        return [new + imported - erased for new, imported, erased in columns]


class IntervalCountsQuerySet(models.QuerySet["IntervalCounts"]):
    """Counts."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all counts; other users see none."""
        return self if may_read_analytics(actor) else self.none()

    def series(self, interval: AnalyticsInterval, first: dt.date, last: dt.date) -> Series:
        """Return the counts of all users from ``first`` to ``last``, in one statement."""
        start = interval.start_of(first)
        earlier = dt.date.fromordinal(max(start.toordinal() - 1, 1))
        rows = self.filter(interval=interval, dimension=ALL, start__lte=last)
        summed = rows.values(day=Greatest(F("start"), Value(earlier))).annotate(**_sums())
        counts = {row["day"]: _counts(row) for row in summed}
        return Series(counts=counts, earlier=counts.pop(earlier, {}) if earlier < start else {})

    def by_segment(
        self,
        interval: AnalyticsInterval,
        dimension: AnalyticsDimension,
        first: dt.date,
        last: dt.date,
        *,
        limit: int,
    ) -> tuple[list[str], SegmentCounts]:
        """Return the largest segments of the whole range, and the counts by interval and segment.

        All others are added up in `OTHERS`. Two statements.
        """
        start = interval.start_of(first)
        rows = self.filter(interval=interval, dimension=dimension, start__range=(start, last))
        largest, shown = _sums_as_shown(rows, "start", limit=limit)
        return largest, {(row["start"], row["shown"]): _counts(row) for row in shown}

    def segment_totals(
        self, dimension: AnalyticsDimension, first: dt.date, last: dt.date, *, limit: int
    ) -> dict[str, Counts]:
        """Return the sums of all days by segment, as `by_segment` would: the largest first."""
        day = AnalyticsInterval.DAY
        rows = self.filter(interval=day, dimension=dimension, start__range=(first, last))
        largest, shown = _sums_as_shown(rows, limit=limit)
        sums = {row["shown"]: _counts(row) for row in shown}
        return {segment: sums[segment] for segment in (*largest, OTHERS) if segment in sums}


def _sums_as_shown(
    rows: IntervalCountsQuerySet, *columns: str, limit: int
) -> tuple[list[str], Iterable[Mapping[str, Any]]]:
    """Return the largest segments, and the sums by ``shown``, one of these or `OTHERS`."""
    named = rows.exclude(segment=OTHERS).values("segment").annotate(**_sums())
    by_size = named.order_by(*(f"-sum_{name}" for name in SIZE), "segment")
    largest = list(by_size.values_list("segment", flat=True)[:limit])
    shown = Case(When(segment__in=largest, then=F("segment")), default=Value(OTHERS))
    return largest, rows.values(*columns, shown=shown).annotate(**_sums())


def _sums() -> dict[str, Sum]:
    return {f"sum_{name}": Sum(name) for name in COUNTS}


def _counts(row: Mapping[str, Any]) -> Counts:
    return {name: row[f"sum_{name}"] for name in COUNTS}


def interval_choices() -> list[tuple[str, Any]]:
    """Return all intervals. A callable, so that a new one needs no migration."""
    labels = {"day": _("day"), "week": _("week"), "month": _("month")}
    return [(each.value, labels[each]) for each in AnalyticsInterval]


def dimension_choices() -> list[tuple[str, Any]]:
    """Return all dimensions, and that of all users."""
    labels = {"domain": _("domain"), "locale": _("language"), "client": _("client")}
    return [(ALL, _("all people")), *((each.value, labels[each]) for each in AnalyticsDimension)]


def _count(name: Any) -> "models.IntegerField[Any, Any]":
    return models.IntegerField(name, default=0, db_default=0)


class IntervalCounts(models.Model):
    """What happened in one interval (UTC), in all or in one segment of users.

    Only the roll-up writes these rows. The segments of a dimension add up to the row of all users.
    """

    interval = models.CharField(_("interval"), max_length=5, choices=interval_choices)
    start = models.DateField(_("first day"))
    dimension = models.CharField(
        _("dimension"), max_length=6, choices=dimension_choices, default=ALL
    )
    segment = models.CharField(_("segment"), max_length=255, blank=True)
    sign_ups = _count(_("sign-ups"))
    # Of the sign-ups that were requested in the interval.
    completed_sign_ups = _count(_("completed sign-ups"))
    # By a sign-up, an invitation or an administrator.
    new_users = _count(_("new people"))
    # They had an account before, elsewhere.
    imported_users = _count(_("imported people"))
    erased_users = _count(_("erased people"))
    log_ins = _count(_("sign-ins"))
    failed_log_ins = _count(_("failed sign-ins"))
    lockouts = _count(_("lockouts"))
    # Distinct in the interval, so those of days do not add up to those of a week.
    active_users = _count(_("active people"))
    # Users who set up their first second factor, minus those who lost their last one.
    second_factor_users = _count(_("people with a second factor"))
    mails_sent = _count(_("mails sent"))
    mails_failed = _count(_("mails failed"))

    objects = IntervalCountsQuerySet.as_manager()

    class Meta:
        """Read by interval and dimension, in order of time."""

        verbose_name = _("interval")
        verbose_name_plural = _("analytics")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["interval", "dimension", "start", "segment"], name="interval_counts_unique"
            ),
        ]
        # Of the admin's list, which has all intervals by time.
        indexes: ClassVar = [models.Index(fields=["start"], name="interval_counts_start")]

    def __str__(self) -> str:
        """Return the interval, and the segment if there is one."""
        return " ".join(filter(None, [self.interval, str(self.start), self.segment]))


class CohortWeekQuerySet(models.QuerySet["CohortWeek"]):
    """Weeks of cohorts."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all of them; other users see none."""
        return self if may_read_analytics(actor) else self.none()

    def of_cohorts(self, first: dt.date, last: dt.date) -> Self:
        """Return the weeks of the cohorts from ``first`` to ``last``."""
        return self.filter(cohort__range=(AnalyticsInterval.WEEK.start_of(first), last))


class CohortWeek(models.Model):
    """How many users of a cohort were active in a week.

    A cohort are the new users of one week, without imported ones.
    """

    cohort = models.DateField()
    week = models.DateField()
    users = models.IntegerField(default=0, db_default=0)

    objects = CohortWeekQuerySet.as_manager()

    class Meta:
        """One per cohort and week, both by their Monday."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cohort", "week"], name="cohort_week_unique"),
        ]

    def __str__(self) -> str:
        """Return both weeks."""
        return f"{self.cohort} in {self.week}"


class PendingCount(models.Model):
    """Something to count that is no event, until it is rolled up.

    Rows are only inserted and deleted, so no transaction waits for another one.
    """

    name = models.CharField(max_length=30)
    day = models.DateField()

    def __str__(self) -> str:
        """Return the name and the day."""
        return f"{self.name} on {self.day}"


class RollUp(models.Model):
    """How many sealed events are counted, and what is folded.

    The one row of its table.
    """

    sequence = models.BigIntegerField(default=0)
    # The day before which intervals had ended when all of them had few segments; None before.
    folded_before = models.DateField(null=True)

    class Meta:
        """Has the primary key 1."""

        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(pk=1), name="roll_up_is_one"),
        ]

    def __str__(self) -> str:
        """Return the position."""
        return f"roll-up until seal {self.sequence}"
