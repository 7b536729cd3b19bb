"""The analytics recounted from a list of events, one by one, as their definitions say."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from users.activity.models import COUNTS, CohortWeek, IntervalCounts
from users.activity.tags import Tag

COLUMNS: Final = {
    Tag.SIGN_UP_REQUESTED: "sign_ups",
    Tag.USER_CREATED: "new_users",
    Tag.USER_IMPORTED: "imported_users",
    Tag.USER_ERASED: "erased_users",
    Tag.LOGGED_IN: "log_ins",
    Tag.LOG_IN_REFUSED: "failed_log_ins",
    Tag.LOG_IN_THROTTLED: "lockouts",
}
FACTORS: Final = (Tag.FACTOR_ADDED, Tag.FACTOR_REMOVED, Tag.FACTORS_RESET, Tag.USER_ERASED)
STARTS: Final[Mapping[str, Callable[[dt.date], dt.date]]] = {
    "day": lambda day: day,
    "week": lambda day: dt.date.fromisocalendar(*day.isocalendar()[:2], 1),
    "month": lambda day: dt.date(day.year, day.month, 1),
}
# Of events of API tokens and of jobs, which name them.
INDIRECT: Final = {"by_token", "bulk_action", "user_import"}
Row = tuple[str, str, dt.date, str, str]


@dataclass(frozen=True)
class Happened:
    """An event, or the use of a session, which has no tag."""

    at: dt.datetime
    tag: Tag | None = None
    actor: UUID | None = None
    subject: UUID | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def day(self) -> dt.date:
        return self.at.date()


@dataclass(frozen=True)
class User:
    """The properties of a user, of which there are segments."""

    domain: str
    locale: str
    client: str

    @property
    def segments(self) -> dict[str, str]:
        return {"domain": self.domain, "locale": self.locale, "client": self.client}


STRANGER: Final = User("", "", "")


def recount(  # noqa: C901, PLR0912 - one definition after the other
    history: Iterable[Happened], users: Mapping[UUID, User]
) -> dict[Row, int]:
    """Return the counts by interval, dimension, start, segment and column."""
    counts: Counter[Row] = Counter()
    active: defaultdict[tuple[str, dt.date], set[UUID]] = defaultdict(set)
    requested: dict[UUID | None, dt.date] = {}
    factors: Counter[UUID] = Counter()
    history = list(history)

    def add(column: str, day: dt.date, user: User, number: int = 1) -> None:
        for interval, start_of in STARTS.items():
            for dimension, segment in {"all": "", **user.segments}.items():
                counts[interval, dimension, start_of(day), segment, column] += number

    for each in history:
        if each.tag is Tag.SIGN_UP_REQUESTED:
            requested[each.subject] = each.day
    for each in history:
        subject = users.get(each.subject, STRANGER) if each.subject else STRANGER
        if each.tag in {Tag.USER_ERASED, Tag.SIGN_UP_REQUESTED}:
            subject = STRANGER
        if each.tag in {Tag.LOG_IN_REFUSED, Tag.LOG_IN_THROTTLED, Tag.USER_IMPORTED}:
            subject = User(subject.domain, subject.locale, "")
        if each.tag in COLUMNS:
            add(COLUMNS[each.tag], each.day, subject)
        if each.tag is Tag.USER_CREATED and "link" in each.data:
            add("completed_sign_ups", requested[UUID(each.data["link"])], STRANGER)
        is_imported = each.tag in {Tag.USER_IMPORTED, Tag.IMPORTED_USER_CHANGED} and (
            "second_factors" in each.data.get("fields", [])
        )
        if each.subject and (is_imported or each.tag in FACTORS):
            before = factors[each.subject]
            change = 1 if is_imported or each.tag is Tag.FACTOR_ADDED else -1
            if each.tag in {Tag.FACTORS_RESET, Tag.USER_ERASED}:
                change = -before
            factors[each.subject] = after = max(before + change, 0)
            own = users[each.subject]
            about = User(own.domain, own.locale, "")
            if bool(after) != bool(before):
                add("second_factor_users", each.day, about, 1 if after else -1)
        if each.actor and not INDIRECT & each.data.keys():
            for interval, start_of in STARTS.items():
                active[interval, start_of(each.day)].add(each.actor)
    for (interval, start), those in active.items():
        for user in those:
            for dimension, segment in {"all": "", **users[user].segments}.items():
                counts[interval, dimension, start, segment, "active_users"] += 1
    return {key: number for key, number in counts.items() if number}


def recount_cohorts(history: Iterable[Happened]) -> dict[tuple[dt.date, dt.date], int]:
    """Return how many users of each cohort were active in each week."""
    week_of, history = STARTS["week"], list(history)
    joined = {each.subject: each.day for each in history if each.tag is Tag.USER_CREATED}
    active = {
        (each.actor, week_of(each.day))
        for each in history
        if each.actor and not INDIRECT & each.data.keys()
    }
    return Counter(
        (week_of(joined[user]), week)
        for user, week in active
        if user in joined and dt.timedelta() <= week - week_of(joined[user]) <= dt.timedelta(364)
    )


def counted() -> dict[Row, int]:
    """Return the stored counts, as `recount` does."""
    return {
        (row.interval, row.dimension, row.start, row.segment, column): getattr(row, column)
        for row in IntervalCounts.objects.all()
        for column in COUNTS
        if getattr(row, column)
    }


def counted_cohorts() -> dict[tuple[dt.date, dt.date], int]:
    """Return the stored cohorts, as `recount_cohorts` does."""
    return {(row.cohort, row.week): row.users for row in CohortWeek.objects.all()}
