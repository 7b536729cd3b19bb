"""The types of the analytics, and how they are read."""

import datetime as dt
from collections.abc import Mapping
from typing import Final

import strawberry
from django.utils.translation import gettext as _

from core.errors import ArgumentInvalidError
from core.security.actor import Actor
from schema.enums import describe_enum
from users.activity.analytics import OTHERS, AnalyticsDimension, AnalyticsInterval
from users.activity.models import COUNTS, IntervalCounts
from users.activity.services.retention import read_cohorts

describe_enum(AnalyticsInterval)
describe_enum(AnalyticsDimension)

MAX_INTERVALS: Final = 366
# The answer has at most a row per interval for each of them, and one for all others.
MAX_SEGMENTS: Final = 10
MAX_SEGMENTED_INTERVALS: Final = 92
MAX_COHORTS: Final = 53


@strawberry.type
class AnalyticsDay:
    """Counts of a day, or of another interval, in UTC."""

    date: dt.date = strawberry.field(description="Day, or first day of the interval, in UTC.")
    segment: str = strawberry.field(
        description="Value of the dimension `by`. Empty without one, and for all other values:"
        " those that are not among the largest, domains with few users, and what has no value."
    )
    sign_ups: int = strawberry.field(description="Number of sign-ups requested, verified or not.")
    completed_sign_ups: int = strawberry.field(
        description="Number of the sign-ups whose address was verified by now."
    )
    new_users: int = strawberry.field(
        description="Number of accounts created by a sign-up, an invitation or an administrator."
    )
    imported_users: int = strawberry.field(description="Number of accounts imported.")
    erased_users: int = strawberry.field(description="Number of accounts erased.")
    log_ins: int = strawberry.field(description="Number of sign-ins.")
    failed_log_ins: int = strawberry.field(description="Number of log-ins that were refused.")
    lockouts: int = strawberry.field(
        description="Number of logins that were locked after too many failed attempts."
    )
    active_users: int = strawberry.field(
        description="Number of users who used a session or changed something, each counted once "
        "per interval."
    )
    mails_sent: int = strawberry.field(description="Number of mails sent.")
    mails_failed: int = strawberry.field(description="Number of mails permanently refused.")
    total_users: int | None = strawberry.field(
        description="Number of users at the end of the interval, erased ones excluded; null with"
        " `by`."
    )
    second_factor_users: int | None = strawberry.field(
        description="Number of users with a second factor at the end of the interval; null with"
        " `by`."
    )
    verification_rate: float | None = strawberry.field(
        description="Share of the sign-ups that were completed by now; null if there are none."
    )


@strawberry.type
class RetentionCohort:
    """The new users of one week, without imported ones, and when they were active."""

    week: dt.date = strawberry.field(description="Monday of the week, in UTC.")
    new_users: int = strawberry.field(description="Number of these users.")
    active_users: list[int] = strawberry.field(
        description="Numbers of these users who were active in that week and in each week after it,"
        " until this week or for 52 weeks."
    )


def read_analytics(
    actor: Actor,
    first: dt.date,
    last: dt.date,
    *,
    interval: AnalyticsInterval,
    dimension: AnalyticsDimension | None,
) -> list[AnalyticsDay]:
    """Return the counts of a range, which takes one or two statements.

    Raises `ArgumentInvalidError` for a range with no interval or too many of them.
    """
    limit = MAX_INTERVALS if dimension is None else MAX_SEGMENTED_INTERVALS
    _check_range(interval, first, last, limit)
    counts = IntervalCounts.objects.visible_to(actor)
    starts = interval.starts(first, last)
    if dimension is None:
        series = counts.series(interval, first, last)
        users = series.total_users(starts)
        factors = series.totals("second_factor_users", starts)
        return [
            _day(
                start,
                series.counts.get(start, {}),
                total_users=users[at],
                second_factor_users=factors[at],
            )
            for at, start in enumerate(starts)
        ]
    segments, found = counts.by_segment(interval, dimension, first, last, limit=MAX_SEGMENTS)
    return [
        _day(start, found.get((start, segment), {}), segment=segment)
        for start in starts
        for segment in (*segments, OTHERS)
    ]


def read_retention(actor: Actor, first: dt.date, last: dt.date) -> list[RetentionCohort]:
    """Return the cohorts of a range, in two statements. Raises `ArgumentInvalidError`."""
    _check_range(AnalyticsInterval.WEEK, first, last, MAX_COHORTS)
    return [
        RetentionCohort(
            week=each.week, new_users=each.new_users, active_users=list(each.active_users)
        )
        for each in read_cohorts(actor, first, last)
    ]


def _check_range(interval: AnalyticsInterval, first: dt.date, last: dt.date, limit: int) -> None:
    if first > last:
        raise ArgumentInvalidError(_("`to` may not be before `from`."))
    if interval.number_between(first, last) > limit:
        raise ArgumentInvalidError(
            _(
                "From `from` to `to` there may be at most %(max)d intervals. Choose longer ones, "
                "or a shorter range."
            )
            % {"max": limit}
        )


def _day(
    start: dt.date,
    counts: Mapping[str, int],
    *,
    segment: str = OTHERS,
    total_users: int | None = None,
    second_factor_users: int | None = None,
) -> AnalyticsDay:
    sign_ups, completed = counts.get("sign_ups", 0), counts.get("completed_sign_ups", 0)
    return AnalyticsDay(
        date=start,
        segment=segment,
        verification_rate=completed / sign_ups if sign_ups else None,
        total_users=total_users,
        second_factor_users=second_factor_users,
        **{name: counts.get(name, 0) for name in COUNTS if name != "second_factor_users"},
    )
