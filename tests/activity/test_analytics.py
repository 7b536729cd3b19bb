"""Daily counts: access, date ranges and exactly-once counting."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from core.security.actor import ANONYMOUS
from tests.accounts.test_sign_up import PASSWORD as SIGN_UP_PASSWORD
from tests.accounts.test_sign_up import sign_up, token_of, verify
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD
from users.accounts.models import User
from users.activity.models import DailyCount
from users.activity.services.record import record
from users.activity.tags import Tag

ClientOf = Callable[[User], GraphQLClient]

ANALYTICS = """
    query ($from: Date!, $to: Date!) {
      analytics(from: $from, to: $to) { date signUps newUsers logIns }
    }
"""
LOG_IN = """
    mutation ($password: String!) {
      logIn(input: {login: "nina", password: $password}) { errors { code field } }
    }
"""
COUNT_EVENT = "users.activity.tasks.count_event"
NOTHING = {"signUps": 0, "newUsers": 0, "logIns": 0}


def analytics(client: GraphQLClient, first: str, last: str) -> list[dict[str, Any]]:
    days: list[dict[str, Any]] = client(ANALYTICS, **{"from": first, "to": last}).data["analytics"]
    return days


def deliver_all() -> int:
    """Deliver each message twice, as a worker may; return the number of messages."""
    ids = list(OutboxMessage.objects.filter(subscriber=COUNT_EVENT).values_list("pk", flat=True))
    for message_id in ids * 2:
        deliver(message_id)
    return len(ids)


# Access ----------------------------------------------------------------------------------


def test_staff_read_analytics(client_of: ClientOf, sam: User, root: User) -> None:
    DailyCount.objects.create(day="2026-02-01", tag=Tag.LOGGED_IN, count=3)
    for user in (sam, root):
        assert analytics(client_of(user), "2026-02-01", "2026-02-01") == [
            {"date": "2026-02-01", "signUps": 0, "newUsers": 0, "logIns": 3}
        ]


def test_others_cannot_read_analytics(
    client_of: ClientOf, anonymous: GraphQLClient, alice: User
) -> None:
    DailyCount.objects.create(day="2026-02-01", tag=Tag.LOGGED_IN, count=3)
    for client, code in ((anonymous, "UNAUTHENTICATED"), (client_of(alice), "FORBIDDEN")):
        answer = client(ANALYTICS, **{"from": "2026-02-01", "to": "2026-02-01"})
        assert (answer.codes, answer.body["data"]) == ([code], None)


# Date ranges -----------------------------------------------------------------------------


def test_range_has_both_ends_and_zeros_between(client_of: ClientOf, sam: User) -> None:
    for day, tag, count in (
        ("2026-02-26", Tag.LOGGED_IN, 1),
        ("2026-02-27", Tag.LOGGED_IN, 2),
        ("2026-02-27", Tag.USER_CREATED, 3),
        ("2026-03-02", Tag.SIGN_UP_REQUESTED, 2**28),
        ("2026-03-03", Tag.LOGGED_IN, 5),
    ):
        DailyCount.objects.create(day=day, tag=tag, count=count)
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


# Counting --------------------------------------------------------------------------------


def test_each_event_counts_once(client_of: ClientOf, anonymous: GraphQLClient, sam: User) -> None:
    for number in range(3):
        assert sign_up(anonymous, f"nina{number}", email=f"{number}@example.org") == []
    assert sign_up(anonymous) == []
    assert verify(anonymous, token_of("nina@example.org")) == []
    for password in (SIGN_UP_PASSWORD, "wrong", SIGN_UP_PASSWORD):
        anonymous(LOG_IN, password=password)
    assert deliver_all() == 7

    today = timezone.now().date()
    assert analytics(client_of(sam), str(today), str(today)) == [
        {"date": str(today), "signUps": 4, "newUsers": 1, "logIns": 2}
    ]
    assert not OutboxMessage.objects.filter(subscriber=COUNT_EVENT).exists()
    assert DailyCount.objects.count() == 3


def test_refused_sign_ups_and_log_ins_do_not_count(anonymous: GraphQLClient, alice: User) -> None:
    assert sign_up(anonymous, "alice") == [("USERNAME_TAKEN", "username")]
    assert anonymous(LOG_IN, password=PASSWORD).problems == [("CREDENTIALS_INVALID", "login")]
    assert deliver_all() == 0
    assert not DailyCount.objects.exists()


def test_event_counts_on_the_day_it_happened(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    day = dt.date(2026, 2, 3)
    late = dt.datetime(2026, 2, 3, 23, 59, 59, tzinfo=dt.UTC)
    with monkeypatch.context() as that_day:
        that_day.setattr(timezone, "now", lambda: late)
        record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)
    assert deliver_all() == 1
    assert DailyCount.objects.values_list("day", "tag", "count").get() == (day, Tag.LOGGED_IN, 1)


def test_concurrent_deliveries_count_once(transactional_db: None) -> None:
    for _number in range(3):
        record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)
    ids = OutboxMessage.objects.values_list("pk", flat=True)
    run_concurrently(
        *[lambda message_id=message_id: deliver(message_id) for message_id in [*ids] * 3]
    )
    assert DailyCount.objects.get().count == 3
    assert not OutboxMessage.objects.exists()
