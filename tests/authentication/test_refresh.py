"""Refresh tokens: one successor under concurrency, and detection of delayed reuse."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from core.security.crypto import UnsealError, decrypt_with_secret, digest, new_secret
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_session, make_user
from tests.support.signing_in import ALICE, LOG_OUT, ME, log_in, refresh, tags
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import RefreshToken, Session
from users.authentication.services.sessions import SUCCESSOR
from users.authentication.tasks import prune_sessions

REFUSED = [("TOKEN_INVALID", "refreshToken")]
DAY = dt.timedelta(days=1)


def pass_grace() -> None:
    """Age the uses of tokens beyond the grace period."""
    moment = timezone.now() - django_settings.REFRESH_GRACE
    RefreshToken.objects.exclude(used_at=None).update(used_at=moment)


# One successor ---------------------------------------------------------------------------


def test_refreshing_rotates_the_tokens(alice: User) -> None:
    first = log_in()
    second = refresh(first["refreshToken"]).data["refreshTokens"]
    assert (second["user"], second["errors"]) == ({"username": "alice"}, [])
    assert second["refreshToken"] != first["refreshToken"]
    assert (bool(first["deviceToken"]), second["deviceToken"]) == (True, None)
    for payload in (first, second):
        assert GraphQLClient(payload["accessToken"])(ME).data == ALICE
    session = Session.objects.get()
    used, fresh = RefreshToken.objects.order_by("pk")
    assert used.used_at is not None
    assert (fresh.used_at, fresh.session, fresh.successor) == (None, session, None)
    assert fresh.expires_at == session.expires_at > used.expires_at
    assert session.last_seen_at == used.used_at
    assert tags() == [Tag.LOGGED_IN]


def test_reuse_within_the_grace_returns_the_same_successor(alice: User) -> None:
    first = log_in()["refreshToken"]
    second = refresh(first).data["refreshTokens"]["refreshToken"]
    # A concurrent client may already use the successor.
    third = refresh(second).data["refreshTokens"]["refreshToken"]
    again = refresh(first).data["refreshTokens"]
    assert (again["refreshToken"], again["errors"]) == (second, [])
    assert GraphQLClient(again["accessToken"])(ME).data == ALICE
    assert refresh(second).data["refreshTokens"]["refreshToken"] == third
    assert RefreshToken.objects.count() == 3
    assert tags() == [Tag.LOGGED_IN]


def test_fifty_concurrent_refreshes_get_one_successor(transactional_db: None) -> None:
    make_user("alice")
    token = log_in()["refreshToken"]

    answers = run_concurrently(*[lambda: refresh(token)] * 50)

    payloads = [answer.data["refreshTokens"] for answer in answers]
    assert [payload["errors"] for payload in payloads] == [[]] * 50
    (successor,) = {payload["refreshToken"] for payload in payloads}
    used, fresh = RefreshToken.objects.order_by("pk")
    assert used.used_at is not None
    assert (bytes(fresh.digest), fresh.used_at) == (digest(successor), None)
    assert Session.objects.count() == 1
    assert tags() == [Tag.LOGGED_IN]
    assert GraphQLClient(payloads[-1]["accessToken"])(ME).data == ALICE
    assert refresh(successor).problems == []


def test_database_alone_does_not_reveal_the_successor(alice: User) -> None:
    token = log_in()["refreshToken"]
    successor = refresh(token).data["refreshTokens"]["refreshToken"]
    used, _fresh = RefreshToken.objects.order_by("pk")
    assert used.successor is not None
    stored = bytes(used.successor)
    assert successor.encode() not in stored
    assert decrypt_with_secret(token, stored, purpose=SUCCESSOR) == successor
    for secret in (bytes(used.digest).hex(), successor, new_secret(), django_settings.SECRET_KEY):
        with pytest.raises(UnsealError):
            decrypt_with_secret(secret, stored, purpose=SUCCESSOR)
    with pytest.raises(UnsealError):
        decrypt_with_secret(token, stored, purpose="anything else")


def test_successor_is_erased_when_the_grace_is_over(alice: User) -> None:
    first = log_in()["refreshToken"]
    refresh(first)
    prune_sessions()
    assert RefreshToken.objects.exclude(successor=None).count() == 1
    assert refresh(first).problems == []
    pass_grace()
    prune_sessions()
    assert not RefreshToken.objects.exclude(successor=None).exists()
    assert RefreshToken.objects.exclude(used_at=None).count() == 1
    assert refresh(first).problems == REFUSED
    assert tags() == [Tag.LOGGED_IN, Tag.REFRESH_TOKEN_REUSED]


# Theft -----------------------------------------------------------------------------------


def test_late_reuse_ends_the_session(alice: User) -> None:
    first = log_in()
    second = refresh(first["refreshToken"]).data["refreshTokens"]
    other = log_in()
    pass_grace()

    refused = refresh(first["refreshToken"])
    assert refused.problems == REFUSED
    assert refused.data["refreshTokens"]["user"] is None
    assert tags()[-1] == Tag.REFRESH_TOKEN_REUSED
    assert Event.objects.latest("pk").subject_id == alice.pk

    for payload in (first, second):
        assert GraphQLClient(payload["accessToken"])(ME).status == 401
    assert refresh(second["refreshToken"]).problems == REFUSED
    assert GraphQLClient(other["accessToken"])(ME).data == ALICE
    assert Session.objects.count() == 1
    assert tags().count(Tag.REFRESH_TOKEN_REUSED) == 1


def test_concurrent_late_reuses_are_recorded_once(transactional_db: None) -> None:
    make_user("alice")
    token = log_in()["refreshToken"]
    refresh(token)
    pass_grace()
    answers = run_concurrently(*[lambda: refresh(token).problems] * 10)
    assert answers == [REFUSED] * 10
    assert not Session.objects.exists()
    assert tags() == [Tag.LOGGED_IN, Tag.REFRESH_TOKEN_REUSED]


@pytest.mark.parametrize("_time", range(3))
def test_logging_out_wins_over_a_refresh_at_the_same_time(
    transactional_db: None, _time: int
) -> None:
    make_user("alice")
    signed_in = log_in()
    client = GraphQLClient(signed_in["accessToken"])
    logged_out, _refreshed = run_concurrently(
        lambda: client(LOG_OUT), lambda: refresh(signed_in["refreshToken"])
    )
    assert logged_out.data == {"logOut": {"errors": []}}
    assert not Session.objects.exists()
    assert not RefreshToken.objects.exists()


@pytest.mark.parametrize("_time", range(3))
def test_ending_all_sessions_wins_over_refreshes_and_prunings(
    transactional_db: None, _time: int
) -> None:
    make_user("alice")
    signed_in = [log_in() for _ in range(6)]
    clients = [GraphQLClient(payload["accessToken"]) for payload in signed_in]
    refreshed = [refresh(payload["refreshToken"]) for payload in signed_in]
    pass_grace()
    everywhere = "mutation { logOutEverywhere { count errors { code } } }"

    def refreshing(token: str) -> Callable[[], Any]:
        return lambda: refresh(token).status

    calls: list[Callable[[], Any]] = [lambda: clients[0](everywhere).status]
    calls += [lambda: clients[1](everywhere).status, prune_sessions, prune_sessions]
    calls += [refreshing(answer.data["refreshTokens"]["refreshToken"]) for answer in refreshed]
    run_concurrently(*calls)

    assert not Session.objects.exists()
    assert not RefreshToken.objects.exists()
    assert tags().count(Tag.SESSIONS_REVOKED) == 1
    assert Event.objects.get(tag=Tag.SESSIONS_REVOKED).data == {"count": 6}


# Invalid tokens --------------------------------------------------------------------------


def test_invalid_refresh_token_changes_nothing(alice: User, bob: User) -> None:
    expired, inactive = log_in(), log_in("bob")
    RefreshToken.objects.filter(session__user=alice).update(expires_at=timezone.now() - DAY)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    before = sorted(Session.objects.values_list("pk", "expires_at"))
    for token in (expired["refreshToken"], inactive["refreshToken"], "", "x", "x" * 10_000):
        assert refresh(token).problems == REFUSED
    assert sorted(Session.objects.values_list("pk", "expires_at")) == before
    assert RefreshToken.objects.filter(used_at=None).count() == 2
    assert tags() == [Tag.LOGGED_IN] * 2


def test_inactive_user_gets_no_successor(alice: User) -> None:
    token = log_in()["refreshToken"]
    refresh(token)
    User.objects.update(is_active=False)
    assert refresh(token).problems == REFUSED
    assert RefreshToken.objects.count() == 2
    assert tags() == [Tag.LOGGED_IN]


def test_pruning_removes_only_expired_rows(alice: User) -> None:
    log_in()
    current = Session.objects.get()
    over = make_session(alice, days=-1)
    for session in (current, over):
        RefreshToken.objects.create(
            session=session, digest=bytes(session.pk.bytes), expires_at=over.expires_at
        )
    assert RefreshToken.objects.count() == 3
    prune_sessions()
    assert Session.objects.get() == current
    assert RefreshToken.objects.get().expires_at == current.expires_at
