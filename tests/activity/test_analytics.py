"""Analytics: access, ranges and intervals, segments and retention."""

import datetime as dt

import pytest
from django.utils import timezone

from tests.activity.analytics import ANALYTICS, BY, NOTHING, ClientOf, analytics
from tests.support.client import GraphQLClient
from users.accounts.models import User
from users.activity.models import CohortWeek, IntervalCounts, RollUp
from users.activity.services import fold

RETENTION = """
    query ($from: Date!, $to: Date!) {
      retention(from: $from, to: $to) { week newUsers activeUsers }
    }
"""


def count(
    day: str, *, interval: str = "day", segment: str = "", by: str = "all", **counts: int
) -> None:
    """Write a row of counts, as the roll-up does."""
    IntervalCounts.objects.create(
        interval=interval, start=day, dimension=by, segment=segment, **counts
    )


# Access ----------------------------------------------------------------------------------


def test_staff_read_analytics(client_of: ClientOf, sam: User, root: User) -> None:
    count("2026-02-01", log_ins=3)
    for user in (sam, root):
        assert analytics(client_of(user), "2026-02-01", "2026-02-01") == [
            {"date": "2026-02-01", "signUps": 0, "newUsers": 0, "logIns": 3}
        ]


def test_others_cannot_read_analytics(
    client_of: ClientOf, anonymous: GraphQLClient, alice: User
) -> None:
    count("2026-02-01", log_ins=3)
    for client, code in ((anonymous, "UNAUTHENTICATED"), (client_of(alice), "FORBIDDEN")):
        answer = client(ANALYTICS, **{"from": "2026-02-01", "to": "2026-02-01"})
        assert (answer.codes, answer.body["data"]) == ([code], None)


# Date ranges -----------------------------------------------------------------------------


def test_range_has_both_ends_and_zeros_between(client_of: ClientOf, sam: User) -> None:
    count("2026-02-26", log_ins=1)
    count("2026-02-27", log_ins=2, new_users=3)
    count("2026-03-02", sign_ups=2**28)
    count("2026-03-03", log_ins=5)
    assert analytics(client_of(sam), "2026-02-27", "2026-03-02") == [
        {"date": "2026-02-27", "signUps": 0, "newUsers": 3, "logIns": 2},
        {"date": "2026-02-28"} | NOTHING,
        {"date": "2026-03-01"} | NOTHING,
        {"date": "2026-03-02", "signUps": 2**28, "newUsers": 0, "logIns": 0},
    ]


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2026-01-01", "2026-01-01", 1),
        ("2027-12-31", "2028-12-30", 366),
        ("2028-01-01", "2028-12-31", 366),
        ("0001-01-01", "0001-12-31", 365),
        ("9999-01-01", "9999-12-31", 365),
    ],
)
def test_range_may_have_up_to_366_days(
    client_of: ClientOf, sam: User, first: str, last: str, days: int
) -> None:
    found = analytics(client_of(sam), first, last)
    assert len(found) == days
    assert (found[0]["date"], found[-1]["date"]) == (first, last)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-01-02", "2026-01-01"),
        ("2028-01-01", "2029-01-01"),
        ("0001-01-01", "9999-12-31"),
        ("9999-12-31", "0001-01-01"),
    ],
)
def test_reversed_or_longer_range_is_refused(
    client_of: ClientOf, sam: User, first: str, last: str
) -> None:
    answer = client_of(sam)(ANALYTICS, **{"from": first, "to": last})
    assert (answer.codes, answer.body["data"]) == (["ARGUMENT_INVALID"], None)


@pytest.mark.parametrize("day", ["2026-02-29", "10000-01-01", "", "today", 1, None])
def test_invalid_dates_are_refused(client_of: ClientOf, sam: User, day: object) -> None:
    answer = client_of(sam)(ANALYTICS, **{"from": day, "to": "2026-01-01"})
    assert answer.codes == ["GRAPHQL_VARIABLES_INVALID"]


@pytest.mark.parametrize(
    ("interval", "by", "first", "last"),
    [
        ("WEEK", None, "2020-01-06", "2027-01-11"),
        ("MONTH", None, "0001-01-01", "9999-12-31"),
        ("DAY", "DOMAIN", "2026-01-01", "2026-04-03"),
    ],
)
def test_too_many_intervals_are_refused(
    client_of: ClientOf, sam: User, interval: str, by: str | None, first: str, last: str
) -> None:
    variables = {"from": first, "to": last, "interval": interval, "by": by}
    answer = client_of(sam)(BY, **variables)
    assert (answer.codes, answer.body["data"]) == (["ARGUMENT_INVALID"], None)


def test_unknown_dimension_is_refused(client_of: ClientOf, sam: User) -> None:
    variables = {"from": "2026-01-01", "to": "2026-01-01", "by": "PASSWORD"}
    assert client_of(sam)(BY, **variables).codes == ["GRAPHQL_VARIABLES_INVALID"]


# Intervals and segments ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "first", "last", "starts"),
    [
        ("WEEK", "2026-01-04", "2026-01-05", ["2025-12-29", "2026-01-05"]),
        ("WEEK", "0001-01-03", "0001-01-03", ["0001-01-01"]),
        ("WEEK", "9999-12-31", "9999-12-31", ["9999-12-27"]),
        ("MONTH", "2025-12-31", "2026-02-01", ["2025-12-01", "2026-01-01", "2026-02-01"]),
        ("MONTH", "9999-12-31", "9999-12-31", ["9999-12-01"]),
    ],
)
def test_intervals_contain_the_days_of_the_range(
    client_of: ClientOf, sam: User, interval: str, first: str, last: str, starts: list[str]
) -> None:
    for number, start in enumerate(starts, 1):
        count(start, interval=interval.lower(), log_ins=number)

    rows = client_of(sam)(BY, **{"from": first, "to": last, "interval": interval}).data["analytics"]

    assert [(row["date"], row["logIns"]) for row in rows] == [
        (start, number) for number, start in enumerate(starts, 1)
    ]


def test_totals_add_up_from_the_beginning(client_of: ClientOf, sam: User) -> None:
    count("2020-01-01", new_users=10, second_factor_users=4)
    count("2026-02-01", new_users=2, imported_users=3, erased_users=1)
    count("2026-02-03", second_factor_users=-2)
    count("2026-02-04", new_users=100)

    rows = client_of(sam)(BY, **{"from": "2026-01-31", "to": "2026-02-03"}).data["analytics"]

    assert [(row["totalUsers"], row["secondFactorUsers"]) for row in rows] == [
        (10, 4),
        (14, 4),
        (14, 4),
        (14, 2),
    ]


def test_largest_segments_are_named_and_the_others_added_up(client_of: ClientOf, sam: User) -> None:
    for number in range(12):
        count("2026-02-01", by="domain", segment=f"{number:02}.example", active_users=number)
    count("2026-02-01", by="domain", active_users=100, log_ins=7)
    count("2026-02-01", by="locale", segment="de", active_users=1_000)
    count("2026-02-02", by="domain", segment="00.example", active_users=500)

    variables = {"from": "2026-02-01", "to": "2026-02-02", "by": "DOMAIN"}
    rows = client_of(sam)(BY, **variables).data["analytics"]

    names = ["00.example", *(f"{number:02}.example" for number in range(11, 2, -1)), ""]
    assert [row["segment"] for row in rows] == names * 2
    assert [row["activeUsers"] for row in rows[:11]] == [0, *range(11, 2, -1), 103]
    assert [row["activeUsers"] for row in rows[11:]] == [500] + [0] * 10
    assert rows[10]["logIns"] == 7
    assert {(row["totalUsers"], row["secondFactorUsers"]) for row in rows} == {(None, None)}


def test_past_intervals_keep_their_largest_segments(
    client_of: ClientOf, sam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "MAX_SEGMENTS", 2)
    today = timezone.now().date()
    past, yesterday = str(today - dt.timedelta(days=2)), str(today - dt.timedelta(days=1))
    for day in (past, yesterday):
        count(day, by="client", log_ins=5, active_users=5)
        for number in range(1, 5):
            count(day, by="client", segment=f"{number}", log_ins=10, active_users=number)
        count(day, log_ins=45, active_users=15)

    fold.fold_segments()
    fold.fold_segments()

    variables = {"from": past, "to": past, "by": "CLIENT"}
    rows = client_of(sam)(BY, **variables).data["analytics"]
    shown = [(row["segment"], row["activeUsers"], row["logIns"]) for row in rows]
    assert shown == [("4", 4, 10), ("3", 3, 10), ("", 8, 25)]
    assert IntervalCounts.objects.filter(start=yesterday, dimension="client").count() == 5


def crowd(day: dt.date) -> None:
    """Count a day of more segments than are kept."""
    for number in range(3):
        count(str(day), by="client", segment=f"{number}", log_ins=1)


@pytest.mark.django_db
def test_folding_reads_what_ended_since_the_last_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fold, "MAX_SEGMENTS", 2)
    RollUp.objects.create(pk=1)
    today = timezone.now().date()
    old, late, past = (today - dt.timedelta(days=number) for number in (400, 30, 2))
    crowd(old)
    # The first run reads all days.
    fold.fold_segments()
    assert IntervalCounts.objects.filter(start=old).count() == 3
    assert IntervalCounts.objects.filter(start=old, segment="").exists()
    IntervalCounts.objects.all().delete()
    for day in (old, late, past):
        crowd(day)
    fold.fold_segments()
    folded = IntervalCounts.objects.filter(segment="").values_list("start", flat=True)
    assert set(folded) == {late, past}


@pytest.mark.django_db
def test_interrupted_folding_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MAX_SEGMENTS", 2)
    monkeypatch.setattr(fold, "MAX_FOLDED", 1)
    RollUp.objects.create(pk=1)
    days = [timezone.now().date() - dt.timedelta(days=number) for number in (500, 400)]
    for day in days:
        crowd(day)
    for folded in (days[:1], days, days):
        fold.fold_segments()
        found = IntervalCounts.objects.filter(segment="").values_list("start", flat=True)
        assert list(found.order_by("start")) == folded
    assert RollUp.objects.get().folded_before is not None


def test_retention_follows_the_users_of_a_week(client_of: ClientOf, sam: User) -> None:
    week = dt.timedelta(weeks=1)
    monday = timezone.now().date() - dt.timedelta(days=timezone.now().weekday())
    first = monday - 2 * week
    count(str(first), interval="week", new_users=7)
    for number, users in ((0, 5), (2, 3)):
        CohortWeek.objects.create(cohort=first, week=first + number * week, users=users)

    variables = {"from": str(first + dt.timedelta(days=3)), "to": str(monday)}
    assert client_of(sam)(RETENTION, **variables).data["retention"] == [
        {"week": str(first), "newUsers": 7, "activeUsers": [5, 0, 3]},
        {"week": str(first + week), "newUsers": 0, "activeUsers": [0, 0]},
        {"week": str(monday), "newUsers": 0, "activeUsers": [0]},
    ]


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-01-02", "2026-01-01"), ("2025-01-01", "2026-12-31"), ("0001-01-01", "9999-12-31")],
)
def test_reversed_or_longer_range_of_cohorts_is_refused(
    client_of: ClientOf, sam: User, first: str, last: str
) -> None:
    answer = client_of(sam)(RETENTION, **{"from": first, "to": last})
    assert (answer.codes, answer.body["data"]) == (["ARGUMENT_INVALID"], None)


def test_retention_ends_after_a_year_and_with_this_week(client_of: ClientOf, sam: User) -> None:
    for first, weeks in (("2020-01-06", 53), ("9999-12-31", 0)):
        (cohort,) = client_of(sam)(RETENTION, **{"from": first, "to": first}).data["retention"]
        assert cohort["activeUsers"] == [0] * weeks
