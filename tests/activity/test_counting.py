"""What the analytics count, when, and for whom."""

import datetime as dt

import pytest
from django.db import transaction
from django.utils import timezone

from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from core.security.actor import ANONYMOUS, Actor
from tests.accounts.test_sign_up import PASSWORD as SIGN_UP_PASSWORD
from tests.accounts.test_sign_up import sign_up, token_of, verify
from tests.activity.analytics import BY, NOTHING, ClientOf, analytics
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_session, make_user
from users.accounts.models import User
from users.activity.models import IntervalCounts, PendingCount
from users.activity.services import counts
from users.activity.services.record import record
from users.activity.services.roll_up import roll_up_all
from users.activity.services.sealing import seal_all
from users.activity.tags import Tag
from users.authentication.models import Session
from users.authentication.tasks import roll_up_uses_of_sessions

LOG_IN = """
    mutation ($password: String!) {
      logIn(input: {login: "nina", password: $password}) { errors { code field } }
    }
"""


def roll_up() -> None:
    """Seal and count all events, twice, as workers may."""
    for _time in range(2):
        seal_all()
        roll_up_all()


def test_domain_of_few_users_is_not_named(client_of: ClientOf, sam: User) -> None:
    users = [make_user(f"user{number}", email=f"{number}@few.example") for number in range(4)]
    for user in users:
        record(Tag.LOGGED_IN, actor=Actor(user_id=user.pk), subject_id=user.pk)
    roll_up()
    users.append(make_user("user4", email="4@few.example"))
    for user in users:
        record(Tag.LOGGED_IN, actor=Actor(user_id=user.pk), subject_id=user.pk)
    roll_up()

    today = str(timezone.now().date())
    variables = {"from": today, "to": today, "by": "DOMAIN"}
    rows = client_of(sam)(BY, **variables).data["analytics"]
    shown = [(row["segment"], row["logIns"], row["activeUsers"]) for row in rows]
    assert shown == [("few.example", 5, 1), ("", 4, 4)]


def test_each_event_counts_once(client_of: ClientOf, anonymous: GraphQLClient, sam: User) -> None:
    for number in range(3):
        assert sign_up(anonymous, f"nina{number}", email=f"{number}@example.org") == []
    assert sign_up(anonymous) == []
    assert verify(anonymous, token_of("nina@example.org")) == []
    for password in (SIGN_UP_PASSWORD, "wrong", SIGN_UP_PASSWORD):
        anonymous(LOG_IN, password=password)
    roll_up()

    today = str(timezone.now().date())
    query = """query ($day: Date!) { analytics(from: $day, to: $day) {
        signUps completedSignUps verificationRate newUsers totalUsers
        logIns failedLogIns lockouts activeUsers
    } }"""
    assert client_of(sam)(query, day=today).data["analytics"] == [
        {
            "signUps": 4,
            "completedSignUps": 1,
            "verificationRate": 0.25,
            "newUsers": 1,
            "totalUsers": 1,
            "logIns": 2,
            "failedLogIns": 1,
            "lockouts": 0,
            "activeUsers": 1,
        }
    ]


def test_counting_takes_no_message(anonymous: GraphQLClient, alice: User) -> None:
    answer = anonymous(
        """mutation ($password: String!) {
             logIn(input: {login: "alice", password: $password}) { errors { code } }
           }""",
        password=PASSWORD,
    )
    assert answer.data == {"logIn": {"errors": []}}
    assert not OutboxMessage.objects.exists()


def test_refused_sign_ups_do_not_count(
    client_of: ClientOf, anonymous: GraphQLClient, alice: User, sam: User
) -> None:
    assert sign_up(anonymous, "alice") == [("USERNAME_TAKEN", "username")]
    assert anonymous(LOG_IN, password=PASSWORD).problems == [("CREDENTIALS_INVALID", "login")]
    roll_up()

    today = str(timezone.now().date())
    assert analytics(client_of(sam), today, today) == [{"date": today} | NOTHING]


def test_event_counts_on_the_day_it_happened(
    client_of: ClientOf, sam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = dt.datetime(2026, 2, 3, 23, 59, 59, tzinfo=dt.UTC)
    with monkeypatch.context() as that_day:
        that_day.setattr(timezone, "now", lambda: late)
        record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)
    roll_up()
    assert analytics(client_of(sam), "2026-02-03", "2026-02-03")[0]["logIns"] == 1


def test_use_of_a_session_makes_a_user_active(client_of: ClientOf, sam: User, bob: User) -> None:
    for user in (sam, bob, bob):
        make_session(user)
    Session.objects.filter(user=sam).update(last_seen_at=timezone.now() - dt.timedelta(days=9))

    for _run in range(2):
        roll_up_uses_of_sessions()

    today = str(timezone.now().date())
    (row,) = client_of(sam)(BY, **{"from": today, "to": today}).data["analytics"]
    assert row["activeUsers"] == 1


def test_mails_count_in_the_transaction_of_their_delivery(client_of: ClientOf, sam: User) -> None:
    at = dt.datetime(2026, 2, 3, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    for key in ("mail.sent", "mail.sent", "mail.failed"):
        counts.add(key, at)
    with transaction.atomic():
        counts.add("mail.sent", at)
        transaction.set_rollback(True)
    with pytest.raises(KeyError):
        counts.add("mail.lost", at)
    roll_up()

    query = '{ analytics(from: "2026-02-02", to: "2026-02-02") { mailsSent mailsFailed } }'
    assert client_of(sam)(query).data["analytics"] == [{"mailsSent": 2, "mailsFailed": 1}]
    assert not PendingCount.objects.exists()


def test_message_of_the_former_release_is_discarded(transactional_db: None) -> None:
    """Its processes publish a message per event, which the roll-up counts as well."""
    event = record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)
    message = OutboxMessage.objects.create(
        subscriber="users.activity.tasks.count_event",
        payload={"event_id": str(event.pk)},
        dispatch_at=timezone.now(),
    )
    deliver(message.pk)
    roll_up()

    assert not OutboxMessage.objects.exists()
    row = IntervalCounts.objects.get(interval="day", dimension="all")
    assert row.log_ins == 1
