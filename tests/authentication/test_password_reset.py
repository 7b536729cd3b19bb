"""Password resets by mailed link: effects, expiry and refusals."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest
from django.core import signing
from django.utils import timezone

from tests.authentication.test_passwords import (
    NEW,
    OTHER,
    ClientOf,
    change,
    events,
    give_reset,
    is_signed_in,
    log_in,
    state,
)
from tests.support.captured import Statements
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_session, make_user
from users.accounts.models import SignUp, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import PasswordReset, Session
from users.authentication.tasks import prune_password_resets

Capture = Callable[[], AbstractContextManager[Statements]]

RESET = """
    mutation ($token: String!, $newPassword: String!) {
      resetPassword(input: {token: $token, newPassword: $newPassword}) {
        username errors { code field message }
      }
    }
"""


def reset(client: GraphQLClient, token: str, new: str = NEW) -> list[tuple[str, str]]:
    return client(RESET, token=token, newPassword=new).problems


def expire() -> None:
    past = timezone.now() - dt.timedelta(seconds=1)
    assert PasswordReset.objects.update(expires_at=past) == 1


# The link --------------------------------------------------------------------------------


def test_reset_ends_all_sessions_and_is_single_use(
    anonymous: GraphQLClient, client_of: ClientOf, alice: User, bob: User
) -> None:
    hers, his = client_of(alice), client_of(bob)
    token = give_reset(alice).token

    answer = anonymous(RESET, token=token, newPassword=NEW)

    assert answer.data["resetPassword"] == {"username": "alice", "errors": []}
    assert (is_signed_in(hers), is_signed_in(his)) == (False, True)
    assert not PasswordReset.objects.exists()
    alice.refresh_from_db()
    assert alice.email_verified_at is not None
    assert timezone.now() - alice.email_verified_at < dt.timedelta(minutes=1)
    assert events() == [(Tag.PASSWORD_RESET, {"sessions": 1}), (Tag.EMAIL_VERIFIED, {})]
    for event in Event.objects.all():
        assert (event.actor_id, event.subject_id) == (None, alice.pk)

    before = state(alice)
    assert reset(anonymous, token, OTHER) == [("TOKEN_INVALID", "token")]
    assert state(alice) == before
    assert log_in(alice, PASSWORD) == [("CREDENTIALS_INVALID", "login")]
    assert log_in(alice, NEW) == []


def test_verified_address_stays_verified_since_then(anonymous: GraphQLClient) -> None:
    since = timezone.now() - dt.timedelta(days=9)
    alice = make_user("alice", email_verified_at=since)
    assert reset(anonymous, give_reset(alice).token) == []
    alice.refresh_from_db()
    assert alice.email_verified_at == since
    assert events() == [(Tag.PASSWORD_RESET, {"sessions": 0})]


def test_weak_password_keeps_the_link(anonymous: GraphQLClient, alice: User) -> None:
    token = give_reset(alice).token
    before = state(alice)
    for weak in ("", "short", "qwerty123456", "alice@example.org", "p" * 129):
        assert reset(anonymous, token, weak) == [("PASSWORD_TOO_WEAK", "newPassword")]
    assert state(alice) == before
    assert events() == []
    assert reset(anonymous, token) == []


def test_unknown_token_is_invalid(anonymous: GraphQLClient, alice: User) -> None:
    token = give_reset(alice).token
    nonce, signature = token.split(":")
    before = state(alice)
    for forged in (
        *(
            "",
            ":",
            nonce,
            f"{nonce}:",
            f"{nonce}:{signature[:-1]}",
            f"{token}x",
            "\0",
            "\N{SNOWMAN}",
        ),
        f"{uuid4().hex}:{signature}",
        PasswordReset.signer().sign(uuid4().hex),
        SignUp.signer().sign(nonce),
        signing.Signer(key="k" * 50, salt=PasswordReset.signer().salt).sign(nonce),
        "x" * 50_000,
    ):
        # The password's strength is not checked either.
        assert reset(anonymous, forged, "weak") == [("TOKEN_INVALID", "token")], forged
    assert state(alice) == before
    assert events() == []


def test_link_to_a_former_address_is_invalid(anonymous: GraphQLClient, alice: User) -> None:
    token = give_reset(alice).token
    User.objects.filter(pk=alice.pk).update(email="new@example.org")
    before = state(alice)
    assert reset(anonymous, token) == [("TOKEN_INVALID", "token")]
    assert state(alice) == before


@pytest.mark.parametrize("ended_by", ["suspension", "change"])
def test_link_is_deleted_with_its_user(
    anonymous: GraphQLClient, client_of: ClientOf, alice: User, ended_by: str
) -> None:
    token = give_reset(alice).token
    if ended_by == "change":
        assert change(client_of(alice)) == []
    else:
        User.objects.filter(pk=alice.pk).update(is_active=False)
    before = state(alice)
    assert reset(anonymous, token, OTHER) == [("TOKEN_INVALID", "token")]
    assert state(alice) == before


def test_tokens_cannot_be_guessed(anonymous: GraphQLClient, alice: User) -> None:
    for _attempt in range(50):
        assert reset(anonymous, "guess") == [("TOKEN_INVALID", "token")]
    token = give_reset(alice).token
    before = state(alice)
    answer = anonymous(RESET, token=token, newPassword=NEW)
    assert answer.codes == ["TOO_MANY_ATTEMPTS"]
    assert state(alice) == before
    assert events() == []


def test_valid_links_do_not_use_up_the_limit_on_guesses(
    anonymous: GraphQLClient, alice: User
) -> None:
    for number in range(51):
        assert reset(anonymous, give_reset(alice).token, f"phrase number {number} of many") == []


def test_reset_unlocks_the_account(anonymous: GraphQLClient, alice: User, settings: Any) -> None:
    settings.LOG_INS_PER_ACCOUNT = 3
    logins = (alice.username, alice.email)
    log_in_with = """
        mutation ($login: String!, $password: String!) {
          logIn(input: {login: $login, password: $password}) { errors { code field } }
        }
    """
    for login in logins:
        for _attempt in range(3):
            assert anonymous(log_in_with, login=login, password="guess").problems
        answer = anonymous(log_in_with, login=login, password=PASSWORD)
        assert answer.codes == ["TOO_MANY_ATTEMPTS"]
    assert reset(anonymous, give_reset(alice).token) == []
    for login in logins:
        assert anonymous(log_in_with, login=login, password=NEW).problems == []


def test_concurrent_uses_of_a_link_apply_once(transactional_db: None) -> None:
    alice = make_user("alice")
    make_session(alice)
    token = give_reset(alice).token
    phrases = [f"phrase number {number} of fifty" for number in range(50)]
    answers = run_concurrently(
        *(lambda phrase=phrase: reset(GraphQLClient(), token, phrase) for phrase in phrases)
    )
    assert sorted(answers) == [[], *[[("TOKEN_INVALID", "token")]] * 49]
    alice.refresh_from_db()
    assert [alice.check_password(phrase) for phrase in phrases] == [not x for x in answers]
    assert Event.objects.filter(tag=Tag.PASSWORD_RESET).count() == 1
    assert not Session.objects.exists()


def test_pruning_removes_only_expired_resets(alice: User, bob: User, settings: Any) -> None:
    give_reset(alice)
    expire()
    kept = give_reset(bob)
    prune_password_resets()
    assert list(PasswordReset.objects.all()) == [kept]
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert "users.authentication.prune_password_resets" in scheduled
