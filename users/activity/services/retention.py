"""Reading the retention of cohorts."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from core.security.actor import Actor
from users.activity.analytics import RETENTION, AnalyticsInterval
from users.activity.models import CohortWeek, IntervalCounts

WEEK: Final = AnalyticsInterval.WEEK


@dataclass(frozen=True, slots=True)
class Cohort:
    """The new users of one week, by its Monday; imported ones are in none."""

    week: dt.date
    new_users: int
    # In that week and in each later one that has begun.
    active_users: Sequence[int]


def read_cohorts(actor: Actor, first: dt.date, last: dt.date) -> list[Cohort]:
    """Return the cohorts of the weeks from ``first`` to ``last``, in two statements."""
    cohorts = WEEK.starts(first, last)
    created = IntervalCounts.objects.visible_to(actor).series(WEEK, first, last)
    rows = CohortWeek.objects.visible_to(actor).of_cohorts(first, last)
    active = {(row.cohort, row.week): row.users for row in rows}
    return [
        Cohort(
            week=cohort,
            new_users=new_users,
            active_users=[active.get((cohort, week), 0) for week in _weeks_of(cohort)],
        )
        for cohort, new_users in zip(cohorts, created.values("new_users", cohorts), strict=True)
    ]


def _weeks_of(cohort: dt.date) -> list[dt.date]:
    """Return the weeks since the cohort's, until this week or for a year."""
    today = timezone.now().date()
    return WEEK.starts(cohort, min(today, cohort + RETENTION)) if cohort <= today else []
