"""Session expiry: the idle timeout and the maximum age."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from tests.support.captured import Statements
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import make_user
from tests.support.signing_in import ALICE, ME, log_in, log_in_by_cookie, refresh
from users.accounts.models import User
from users.authentication.models import RefreshToken, Session
from users.authentication.sessions.expiry import record_session_use

Capture = Callable[[], AbstractContextManager[Statements]]

SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)
ANONYMOUS = {"me": None}


def ago(age: dt.timedelta) -> dt.datetime:
    return timezone.now() - age


def is_about(moment: dt.datetime, expected: dt.datetime) -> bool:
    return abs(moment - expected) < 5 * SECOND


@pytest.mark.parametrize("transport", ["TOKEN", "COOKIE"])
def test_new_session_expires_after_idle_time(alice: User, transport: str) -> None:
    log_in(transport=transport)
    session = Session.objects.get()
    assert is_about(session.expires_at, timezone.now() + django_settings.SESSION_IDLE_TTL)
    assert is_about(session.last_seen_at, timezone.now())


def test_session_lifetime_is_bounded(alice: User, settings: Any) -> None:
    settings.SESSION_MAX_AGE = DAY
    log_in()
    assert is_about(Session.objects.get().expires_at, timezone.now() + DAY)
    assert RefreshToken.objects.get().expires_at == Session.objects.get().expires_at


# Recording use ---------------------------------------------------------------------------


def test_recent_use_costs_no_query_and_later_use_a_single_one(
    alice: User, statements: Capture
) -> None:
    client = GraphQLClient(log_in()["accessToken"])
    counts = []
    for age in (0 * DAY, django_settings.LAST_SEEN_PRECISION - 5 * SECOND, DAY, 0 * DAY):
        if age:
            Session.objects.update(last_seen_at=ago(age))
        with statements() as captured:
            assert client(ME).data == ALICE
        counts.append(sum(sql.startswith("UPDATE") for sql in captured))
    assert counts == [0, 0, 1, 0]
    assert is_about(Session.objects.get().last_seen_at, timezone.now())


def test_concurrent_uses_are_recorded_once(alice: User) -> None:
    log_in()
    Session.objects.update(last_seen_at=ago(DAY))
    one, other = Session.objects.get(), Session.objects.get()
    record_session_use(one, by_cookie=False)
    seen = Session.objects.get().last_seen_at
    record_session_use(other, by_cookie=False)
    assert Session.objects.get().last_seen_at == seen > ago(DAY)


def test_parallel_requests_of_a_session_are_all_served(transactional_db: None) -> None:
    make_user("alice")
    client = GraphQLClient(log_in()["accessToken"])
    Session.objects.update(last_seen_at=ago(DAY))
    assert run_concurrently(*[lambda: client(ME).data] * 20) == [ALICE] * 20
    assert is_about(Session.objects.get().last_seen_at, timezone.now())


def test_ended_session_is_not_updated(alice: User) -> None:
    log_in()
    Session.objects.update(last_seen_at=ago(DAY))
    stale = Session.objects.get()
    Session.objects.all().delete()
    record_session_use(stale, by_cookie=True)
    assert not Session.objects.exists()


# Cookies ---------------------------------------------------------------------------------


def test_use_extends_a_cookie_session(alice: User) -> None:
    client = log_in_by_cookie()
    Session.objects.update(last_seen_at=ago(29 * DAY), expires_at=timezone.now() + DAY)
    assert client(ME).data == ALICE
    in_a_month = timezone.now() + django_settings.SESSION_IDLE_TTL
    assert is_about(Session.objects.get().expires_at, in_a_month)


def test_idle_cookie_session_ends(alice: User) -> None:
    client = log_in_by_cookie()
    Session.objects.update(last_seen_at=ago(30 * DAY), expires_at=ago(SECOND))
    assert client(ME).data == ANONYMOUS
    assert client(ME).data == ANONYMOUS


def test_use_extends_a_cookie_session_up_to_the_maximum(alice: User, settings: Any) -> None:
    client = log_in_by_cookie()
    began = ago(settings.SESSION_MAX_AGE - DAY)
    Session.objects.update(created_at=began, last_seen_at=ago(DAY))
    assert client(ME).data == ALICE
    assert Session.objects.get().expires_at == began + settings.SESSION_MAX_AGE

    settings.SESSION_MAX_AGE = 2 * DAY
    Session.objects.update(last_seen_at=ago(DAY))
    client(ME)
    assert client(ME).data == ANONYMOUS


# Tokens ----------------------------------------------------------------------------------


def test_requests_do_not_extend_a_token_session(alice: User) -> None:
    client = GraphQLClient(log_in()["accessToken"])
    soon = timezone.now() + DAY
    Session.objects.update(last_seen_at=ago(DAY), expires_at=soon)
    assert client(ME).data == ALICE
    assert Session.objects.get().expires_at == soon


def test_refreshing_extends_a_token_session(alice: User) -> None:
    token = log_in()["refreshToken"]
    Session.objects.update(last_seen_at=ago(29 * DAY), expires_at=timezone.now() + DAY)
    assert refresh(token).problems == []
    session = Session.objects.get()
    assert is_about(session.expires_at, timezone.now() + django_settings.SESSION_IDLE_TTL)
    assert is_about(session.last_seen_at, timezone.now())
    assert RefreshToken.objects.get(used_at=None).expires_at == session.expires_at


def test_refreshing_extends_a_session_up_to_the_maximum(alice: User, settings: Any) -> None:
    token = log_in()["refreshToken"]
    began = ago(settings.SESSION_MAX_AGE - DAY)
    Session.objects.update(created_at=began)
    second = refresh(token).data["refreshTokens"]["refreshToken"]
    assert Session.objects.get().expires_at == began + settings.SESSION_MAX_AGE
    assert RefreshToken.objects.get(used_at=None).expires_at == began + settings.SESSION_MAX_AGE

    Session.objects.update(created_at=ago(settings.SESSION_MAX_AGE))
    assert refresh(second).problems == [("TOKEN_INVALID", "refreshToken")]
    assert RefreshToken.objects.count() == 2
