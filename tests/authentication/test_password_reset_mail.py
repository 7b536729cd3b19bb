"""Requesting a password reset: mails and links, without account enumeration."""

import datetime as dt
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core import serializers
from django.utils import timezone

from core.outbox.models import OutboxMessage
from tests.accounts.test_sign_up_mail import text_of
from tests.authentication.test_password_reset import expire, reset
from tests.authentication.test_passwords import NEW, give_reset, log_in, state
from tests.support.captured import Statements
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_user
from tests.support.logs import written_lines
from tests.support.sink import Sink
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import PasswordReset
from users.authentication.tasks import mail_password_reset

Capture = Callable[[], AbstractContextManager[Statements]]

REQUEST = """
    mutation ($email: String!) {
      requestPasswordReset(input: {email: $email}) { errors { code field message } }
    }
"""


def request(client: GraphQLClient, email: str) -> list[tuple[str, str]]:
    return client(REQUEST, email=email).problems


def deliver_mail() -> None:
    """Run the worker's task for the newest request."""
    mail_password_reset(str(Event.objects.filter(tag=Tag.PASSWORD_RESET_REQUESTED).latest("pk").pk))


def token_mailed(mails: Sink) -> str:
    """Return the token of the next mail's link."""
    found = re.search(
        r"http://testserver/reset-password#token=(\S+)", text_of(mails.next(), "plain")
    )
    assert found
    return found[1]


# Requesting the link ---------------------------------------------------------------------


def test_all_addresses_get_the_same_answer_and_work(
    anonymous: GraphQLClient, statements: Capture, alice: User
) -> None:
    make_user("gone", is_active=False)
    answers, work = [], []
    for email in (
        "alice@example.org",
        "unknown@example.org",
        "gone@example.org",
        "ALICE@example.org",
        "a+b'c@xn--bcher-kva.example",
    ):
        with statements() as captured:
            answers.append(anonymous(REQUEST, email=email))
        work.append([re.split(r" VALUES | WHERE ", sql)[0].partition('"s')[0] for sql in captured])
    assert {json.dumps(answer.body) for answer in answers} == {
        '{"data": {"requestPasswordReset": {"errors": []}}}'
    }
    assert [answer.headers for answer in answers] == [answers[0].headers] * 5
    assert work == [work[0]] * 5
    assert len([sql for sql in work[0] if sql.startswith("INSERT")]) == 3
    assert not PasswordReset.objects.exists()


@pytest.mark.parametrize("email", ["", "alice", "alice@", "a b@example.org", "a" * 250 + "@b.org"])
def test_invalid_addresses_are_refused(anonymous: GraphQLClient, email: str) -> None:
    assert request(anonymous, email) == [("EMAIL_INVALID", "email")]
    assert not Event.objects.exists()
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("email", ["alice@example.org", "unknown@example.org"])
def test_mails_per_address_are_limited(anonymous: GraphQLClient, alice: User, email: str) -> None:
    for spelling in (email, email.upper(), f" {email}", email, email):
        assert request(anonymous, spelling) == []
    before = state(alice)
    answer = anonymous(REQUEST, email=email)
    assert answer.codes == ["TOO_MANY_ATTEMPTS"]
    assert 0 < answer.body["errors"][0]["extensions"]["retryAfter"] <= 3_600
    assert state(alice) == before
    assert Event.objects.count() == 5
    assert request(anonymous, "bob@example.org") == []


def test_mails_per_network_are_limited(anonymous: GraphQLClient, settings: Any) -> None:
    settings.MAILS_PER_NETWORK = 10
    for number in range(10):
        assert request(anonymous, f"{number}@example.org") == []
    assert anonymous(REQUEST, email="alice@example.org").codes == ["TOO_MANY_ATTEMPTS"]
    assert Event.objects.count() == 10


def test_event_names_the_user_without_address(anonymous: GraphQLClient, alice: User) -> None:
    for email in ("alice@example.org", "unknown@example.org"):
        assert request(anonymous, email) == []
    known, unknown = Event.objects.order_by("pk")
    assert (known.tag, known.subject_id, known.actor_id, known.data) == (
        Tag.PASSWORD_RESET_REQUESTED,
        alice.pk,
        None,
        {},
    )
    assert (unknown.tag, unknown.subject_id, unknown.data) == (known.tag, None, {})


# The mail --------------------------------------------------------------------------------


def test_password_reset_end_to_end(worker: Sink) -> None:
    now = timezone.now()
    alice = make_user("alice", name="Alice Archer", locale="de", email_verified_at=now)
    anonymous = GraphQLClient()
    for email in ("unknown@example.org", " Alice@Example.org"):
        assert request(anonymous, email) == []
    mail = worker.next()
    assert mail["To"] == "alice@example.org"
    pending = PasswordReset.objects.get()
    assert pending.expires_at - timezone.now() > dt.timedelta(minutes=59)
    for subtype in ("plain", "html"):
        link = f"http://testserver/reset-password#token={pending.token}"
        assert link in text_of(mail, subtype)
        assert "Guten Tag Alice Archer," in text_of(mail, subtype)

    assert reset(anonymous, pending.token) == []
    notice = worker.next()
    assert notice["To"] == "alice@example.org"
    assert "Guten Tag Alice Archer," in text_of(notice, "plain")
    assert "token" not in text_of(notice, "plain")
    assert log_in(alice, NEW) == []
    assert worker.is_empty()


def test_repeated_request_extends_the_link(
    anonymous: GraphQLClient, alice: User, mails: Sink
) -> None:
    assert request(anonymous, alice.email) == []
    deliver_mail()
    first = token_mailed(mails)
    soon = timezone.now() + dt.timedelta(minutes=1)
    PasswordReset.objects.update(expires_at=soon)
    assert request(anonymous, alice.email) == []
    deliver_mail()
    assert token_mailed(mails) == first
    assert PasswordReset.objects.get().expires_at > soon + dt.timedelta(minutes=50)


def test_expired_link_never_revives(anonymous: GraphQLClient, alice: User, mails: Sink) -> None:
    assert request(anonymous, alice.email) == []
    deliver_mail()
    old = token_mailed(mails)
    expire()
    assert reset(anonymous, old) == [("TOKEN_EXPIRED", "token")]
    assert request(anonymous, alice.email) == []
    deliver_mail()
    new = token_mailed(mails)
    assert new != old
    assert reset(anonymous, old) == [("TOKEN_INVALID", "token")]
    assert reset(anonymous, new) == []


def test_link_to_a_former_address_is_replaced(
    anonymous: GraphQLClient, alice: User, mails: Sink
) -> None:
    former = give_reset(alice).token
    User.objects.filter(pk=alice.pk).update(email="new@example.org")
    assert request(anonymous, "new@example.org") == []
    deliver_mail()
    assert token_mailed(mails) != former
    assert reset(anonymous, former) == [("TOKEN_INVALID", "token")]
    User.objects.filter(pk=alice.pk).update(email="alice@example.org")
    assert reset(anonymous, former) == [("TOKEN_INVALID", "token")]


@pytest.mark.parametrize("_time", range(3))
def test_requests_delivered_at_once_mail_one_link(
    transactional_db: None, mails: Sink, _time: int
) -> None:
    alice = make_user("alice")
    assert request(GraphQLClient(), alice.email) == []
    run_concurrently(*[deliver_mail] * 5)
    assert len({token_mailed(mails) for _mail in range(5)}) == 1
    assert PasswordReset.objects.count() == 1


def test_suspended_and_erased_users_get_no_link(
    anonymous: GraphQLClient, alice: User, bob: User, mails: Sink
) -> None:
    for user in (alice, bob):
        assert request(anonymous, user.email) == []
    User.objects.filter(pk=alice.pk).update(is_active=False)
    bob.delete()
    assert request(anonymous, "unknown@example.org") == []
    for event in Event.objects.all():
        mail_password_reset(str(event.pk))
    assert mails.is_empty()
    assert not PasswordReset.objects.exists()


def test_tokens_and_passwords_are_not_stored(
    anonymous: GraphQLClient, alice: User, mails: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    assert request(anonymous, alice.email) == []
    deliver_mail()
    pending = PasswordReset.objects.get()
    token = token_mailed(mails)
    assert token == pending.token
    kept = serializers.serialize("json", [pending])
    assert reset(anonymous, token) == []
    kept += serializers.serialize("json", [*Event.objects.all(), *OutboxMessage.objects.all()])
    for secret in (token, token.split(":")[1], NEW, User.objects.get().password):
        assert secret not in kept
        assert secret not in written_lines(caplog)
    assert pending.nonce.hex not in kept.replace("-", "").split("][")[1]
