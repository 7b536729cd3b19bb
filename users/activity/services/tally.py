"""The counts of a batch, added up in memory and then written together."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from uuid import UUID

from core.database.counts import add_counts
from users.activity.analytics import OTHERS, RETENTION, AnalyticsInterval
from users.activity.models import ALL, CohortWeek, IntervalCounts, UserActivity
from users.activity.segments import Occurrence, segments_of

KEY: Final = ("interval", "dimension", "start", "segment")
UNKNOWN: Final = Occurrence()
Intervals: TypeAlias = tuple[AnalyticsInterval, ...]
ALL_INTERVALS: Final[Intervals] = tuple(AnalyticsInterval)


@dataclass(slots=True)
class Tally:
    """The counts of a batch. Only the holder of the roll-up's lock may save one."""

    users: dict[UUID, UserActivity]
    _counts: Counter[tuple[str, dt.date, Intervals, Occurrence]] = field(default_factory=Counter)
    _weeks: Counter[tuple[dt.date, dt.date]] = field(default_factory=Counter)
    _changed: set[UUID] = field(default_factory=set)
    _erased: set[UUID] = field(default_factory=set)

    @classmethod
    def about(cls, user_ids: Collection[UUID]) -> "Tally":
        """Return an empty tally that may count these users."""
        known = UserActivity.objects.in_bulk(user_ids)
        return cls({key: known.get(key) or UserActivity(user_id=key) for key in user_ids})

    def add(
        self,
        name: str,
        day: dt.date,
        about: Occurrence = UNKNOWN,
        *,
        number: int = 1,
        intervals: Intervals = ALL_INTERVALS,
    ) -> None:
        """Add to a column of `IntervalCounts`."""
        self._counts[name, day, intervals, about] += number

    def add_activity(self, user_id: UUID, day: dt.date, *, user_agent: str) -> None:
        """Count a user as active on a day, unless they are counted already."""
        user = self.users[user_id]
        intervals = tuple(user.mark_active(day))
        if not intervals:
            return
        self._changed.add(user_id)
        self.add("active_users", day, Occurrence(user_id, user_agent), intervals=intervals)
        if AnalyticsInterval.WEEK in intervals and user.joined_on is not None:
            self._add_weeks(user.joined_on, {AnalyticsInterval.WEEK.start_of(day)})

    def add_user(self, user_id: UUID, day: dt.date) -> None:
        """Set when a user joined, which decides the cohort."""
        user = self.users[user_id]
        user.joined_on = day
        self._changed.add(user_id)
        # Clocks differ, so the user may have been active before.
        self._add_weeks(day, user.active_weeks())

    def set_factors(self, user_id: UUID, day: dt.date, number: int) -> None:
        """Set how many second factors a user has; count the first and the last."""
        user = self.users[user_id]
        change = (number > 0) - (user.factors > 0)
        user.factors = max(number, 0)
        self._changed.add(user_id)
        if change:
            self.add("second_factor_users", day, Occurrence(user_id), number=change)

    def erase(self, user_id: UUID) -> None:
        """Forget a user, who stays in the counts."""
        self._erased.add(user_id)

    def save(self) -> None:
        """Add the counts to the stored ones, in the caller's transaction."""
        occurrences = list({about for _name, _day, _intervals, about in self._counts})
        segments = dict(zip(occurrences, segments_of(occurrences), strict=True))
        rows: defaultdict[tuple[str, str, dt.date, str], Counter[str]] = defaultdict(Counter)
        for (name, day, intervals, about), number in self._counts.items():
            for interval in intervals:
                start = interval.start_of(day)
                rows[interval.value, ALL, start, OTHERS][name] += number
                for dimension, segment in segments[about].items():
                    rows[interval.value, dimension.value, start, segment][name] += number
        add_counts(IntervalCounts, KEY, rows)
        weeks = {key: {"users": number} for key, number in self._weeks.items()}
        add_counts(CohortWeek, ("cohort", "week"), weeks)
        self._save_users()

    def _add_weeks(self, joined_on: dt.date, weeks: Iterable[dt.date]) -> None:
        cohort = AnalyticsInterval.WEEK.start_of(joined_on)
        for week in weeks:
            if cohort <= week <= cohort + RETENTION:
                self._weeks[cohort, week] += 1

    def _save_users(self) -> None:
        UserActivity.objects.filter(pk__in=self._erased).delete()
        UserActivity.objects.bulk_create(
            [self.users[key] for key in self._changed - self._erased],
            update_conflicts=True,
            unique_fields=["user"],
            update_fields=["joined_on", "last_active_on", "days", "factors"],
        )
