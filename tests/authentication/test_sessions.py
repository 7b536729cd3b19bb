"""Sessions: signing in and out, with effect on the next request."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from prometheus_client import REGISTRY

from core.security.crypto import digest
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, make_session
from tests.support.signing_in import (
    ALICE,
    LOG_IN,
    LOG_OUT,
    ME,
    REFUSED,
    ClientOf,
    CountingHasher,
    log_in,
    log_in_by_cookie,
    tags,
)
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import RefreshToken, Session
from users.authentication.sessions.access_tokens import issue_access_token

Capture = Callable[[], AbstractContextManager[Statements]]

# Signing in ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "login",
    [
        "alice",
        "ALICE",
        " Alice ",
        "\uff41\uff2c\uff29\uff23\uff45",
        "alice@example.org",
        "Alice@EXAMPLE.org",
    ],
)
def test_login_is_a_username_or_an_address_in_any_case(alice: User, login: str) -> None:
    payload = log_in(login)
    assert payload["user"] == {"username": "alice", "email": "alice@example.org"}
    assert payload["errors"] == []
    assert GraphQLClient(payload["accessToken"])(ME).data == ALICE


def test_token_session_keeps_digests_only(alice: User) -> None:
    payload = log_in()
    session = Session.objects.get()
    assert (session.user, session.cookie_digest) == (alice, None)
    token = RefreshToken.objects.get()
    assert bytes(token.digest) == digest(payload["refreshToken"])
    assert (token.session, token.used_at, token.expires_at) == (session, None, session.expires_at)
    event = Event.objects.get()
    assert (event.tag, event.subject_id) == (Tag.LOGGED_IN, alice.pk)
    assert (event.actor_id, event.session_id, event.data) == (alice.pk, session.pk, {})


def test_cookie_session_has_no_tokens_and_keeps_a_digest_only(alice: User) -> None:
    client = GraphQLClient()
    payload = client(LOG_IN, login="alice", password=PASSWORD, transport="COOKIE").data["logIn"]
    assert (payload["accessToken"], payload["refreshToken"]) == (None, None)
    cookie_digest = Session.objects.get().cookie_digest
    assert cookie_digest is not None
    assert bytes(cookie_digest) == digest(client.http.cookies["roster"].value)
    assert not RefreshToken.objects.exists()
    assert client(ME).data == ALICE


def test_session_records_the_device(alice: User) -> None:
    client = GraphQLClient()
    client.http.defaults["HTTP_USER_AGENT"] = "x" * 400
    client.http.defaults["REMOTE_ADDR"] = "2001:DB8::0007"
    assert client(LOG_IN, login="alice", password=PASSWORD).problems == []
    session = Session.objects.get()
    assert (session.user_agent, session.ip) == ("x" * 300, "2001:db8::7")


def test_refusals_have_the_same_answer_and_work(
    alice: User, bob: User, statements: Capture, anonymous: GraphQLClient, settings: Any
) -> None:
    CountingHasher.install(settings)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    answers, work = [], []
    for login, password in (
        ("alice", "wrong"),
        ("alice", ""),
        ("unknown", PASSWORD),
        ("unknown@example.org", PASSWORD),
        ("", PASSWORD),
        ("bob", PASSWORD),
        ("alice", "roster-demo-2026"),
    ):
        with statements() as captured:
            answers.append(anonymous(LOG_IN, login=login, password=password))
        assert CountingHasher.runs == len(answers)
        work.append([" ".join(sql.split()[:3]).partition('"s')[0] for sql in captured])

    first = answers[0]
    assert first.problems == [("CREDENTIALS_INVALID", "login")]
    assert first.data["logIn"]["user"] is None
    assert all((answer.body, answer.headers) == (first.body, first.headers) for answer in answers)
    assert all(each == work[0] for each in work)
    assert not Session.objects.exists()

    # The refusals' events are committed although the mutation failed.
    assert tags() == [Tag.LOG_IN_REFUSED] * 7
    subjects = list(Event.objects.order_by("pk").values_list("subject_id", flat=True))
    assert subjects == [alice.pk, alice.pk, None, None, None, bob.pk, alice.pk]
    assert all(event.data == {} for event in Event.objects.all())


def argon2_runs() -> float:
    counts = (
        REGISTRY.get_sample_value("argon2_seconds_count", {"operation": each})
        for each in ("hash", "verify")
    )
    return sum(filter(None, counts))


def test_refusals_compare_each_form_of_a_password(
    alice: User, bob: User, anonymous: GraphQLClient
) -> None:
    """Otherwise the time to refuse one with accents would show who has an account."""
    User.objects.filter(pk=bob.pk).update(password=make_password(None))
    runs = []
    # Most have no decoy, as there is no address behind theirs.
    for login in ("alice", "bob", *(f"unknown{number}" for number in range(20))):
        before = argon2_runs()
        assert anonymous(LOG_IN, login=login, password="wröng").codes == []
        runs.append(argon2_runs() - before)
    assert set(runs) == {2}


def test_demo_password_works_in_the_demo_only(alice: User, settings: Any) -> None:
    alice.password = make_password(settings.DEFAULT_DEMO_PASSWORD)
    alice.save(update_fields=["password"])
    refused = log_in(password=settings.DEFAULT_DEMO_PASSWORD)
    assert [error["code"] for error in refused["errors"]] == ["CREDENTIALS_INVALID"]
    assert tags() == [Tag.LOG_IN_REFUSED]
    assert not Session.objects.exists()

    settings.DEMO = True
    assert log_in(password=settings.DEFAULT_DEMO_PASSWORD)["user"]["username"] == "alice"


def test_password_is_rehashed_when_the_cost_is_raised(alice: User, settings: Any) -> None:
    settings.ARGON2_PASSES = 2
    assert log_in(password="wrong")["user"] is None
    alice.refresh_from_db()
    assert ",t=1," in alice.password
    assert log_in()["errors"] == []
    alice.refresh_from_db()
    assert ",t=2," in alice.password
    assert log_in()["errors"] == []


@pytest.mark.parametrize(
    "change", [{"password": make_password("another phrase")}, {"is_active": False}], ids=" ".join
)
def test_log_in_is_refused_after_a_concurrent_change(
    alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    CountingHasher.install(settings)
    verify = CountingHasher.verify

    def verify_meanwhile(self: CountingHasher, password: str, encoded: str) -> bool:
        User.objects.update(**change)
        return verify(self, password, encoded)

    monkeypatch.setattr(CountingHasher, "verify", verify_meanwhile)
    answer = GraphQLClient()(LOG_IN, login="alice", password=PASSWORD)
    assert answer.problems == REFUSED
    assert CountingHasher.runs == 1
    assert not Session.objects.exists()
    assert tags() == [Tag.LOG_IN_REFUSED]


def test_rehash_does_not_overwrite_a_concurrent_change(
    alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    CountingHasher.install(settings)
    changed = make_password("another phrase")
    settings.ARGON2_PASSES = 2
    verify = CountingHasher.verify

    def verify_meanwhile(self: CountingHasher, password: str, encoded: str) -> bool:
        User.objects.update(password=changed)
        return verify(self, password, encoded)

    monkeypatch.setattr(CountingHasher, "verify", verify_meanwhile)
    assert GraphQLClient()(LOG_IN, login="alice", password=PASSWORD).problems == REFUSED
    assert User.objects.get().password == changed


def test_log_in_replaces_the_current_session(alice: User) -> None:
    elsewhere = log_in_by_cookie()
    browser = log_in_by_cookie()
    former = browser.http.cookies["roster"].value
    variables = {"login": "alice", "password": PASSWORD, "transport": "COOKIE"}
    assert browser(LOG_IN, **variables).problems == []
    assert browser.http.cookies["roster"].value != former
    assert browser(ME).data == elsewhere(ME).data == ALICE
    assert Session.objects.count() == 2
    assert tags()[-2:] == [Tag.LOGGED_OUT, Tag.LOGGED_IN]

    browser.http.cookies["roster"] = former
    assert browser(ME).data == {"me": None}


def test_refused_log_in_keeps_the_current_session(alice: User) -> None:
    browser = log_in_by_cookie()
    assert browser(LOG_IN, login="alice", password="wrong").problems == REFUSED
    assert browser(ME).data == ALICE


def test_each_log_in_of_a_document_replaces_the_previous_one(alice: User) -> None:
    answer = GraphQLClient()(
        """mutation ($password: String!) {
          one: logIn(input: {login: "alice", password: $password}) { user { activeSessionCount } }
          two: logIn(input: {login: "alice", password: $password}) { user { activeSessionCount } }
        }""",
        password=PASSWORD,
    )
    assert answer.data == {
        "one": {"user": {"activeSessionCount": 1}},
        "two": {"user": {"activeSessionCount": 1}},
    }


# Signing out -----------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["TOKEN", "COOKIE"])
def test_logging_out_ends_the_session_immediately(alice: User, transport: str) -> None:
    other = GraphQLClient(log_in()["accessToken"])
    client = GraphQLClient()
    answer = client(LOG_IN, login="alice", password=PASSWORD, transport=transport)
    client.token = answer.data["logIn"]["accessToken"]
    secret = client.http.cookies["roster"].value if transport == "COOKIE" else None
    assert client(ME).data == ALICE

    assert client(LOG_OUT).data == {"logOut": {"errors": []}}
    if secret:
        assert client.http.cookies["roster"].value == ""
        client.http.cookies["roster"] = secret
        assert client(ME).data == {"me": None}
    else:
        assert client(ME).status == 401
    assert other(ME).data == ALICE
    assert Session.objects.count() == 1
    assert tags() == [Tag.LOGGED_IN, Tag.LOGGED_IN, Tag.LOGGED_OUT]


@pytest.mark.parametrize("mutation", ["logOut", "logOutEverywhere"])
def test_logging_out_clears_what_the_browser_stored(alice: User, mutation: str) -> None:
    client = log_in_by_cookie()
    answer = client(f"mutation {{ {mutation} {{ errors {{ code }} }} }}")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    # Token clients store the device token, which survives.
    client = GraphQLClient(log_in()["accessToken"])
    answer = client(f"mutation {{ {mutation} {{ errors {{ code }} }} }}")
    assert "Clear-Site-Data" not in answer.headers


def test_logging_out_without_a_session_does_nothing(anonymous: GraphQLClient) -> None:
    assert anonymous(LOG_OUT).data == {"logOut": {"errors": []}}
    assert not Event.objects.exists()


def test_session_is_unreadable_after_logging_out(client_of: ClientOf, alice: User) -> None:
    answer = client_of(alice)(
        """mutation {
             logOut { errors { code } }
             updateProfile(input: {name: "Mallory"}) { errors { code } }
           }"""
    )
    assert answer.codes == ["UNAUTHENTICATED"]
    alice.refresh_from_db()
    assert alice.name == "Alice Archer"


# Changes that affect the next request ----------------------------------------------------


def test_deactivated_user_is_signed_out(client_of: ClientOf, alice: User) -> None:
    by_token, by_cookie = client_of(alice), log_in_by_cookie()
    assert by_token(ME).data == by_cookie(ME).data == ALICE
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert by_token(ME).status == 401
    assert by_cookie(ME).data == {"me": None}


def test_former_staff_lose_staff_access(client_of: ClientOf, sam: User, charlie: User) -> None:
    client = client_of(sam)
    query = "{ users(first: 9) { edges { node { username email } } } }"
    assert len(client(query).data["users"]["edges"]) == 2
    User.objects.filter(pk=sam.pk).update(is_staff=False)
    (edge,) = client(query).data["users"]["edges"]
    assert edge["node"] == {"username": "sam", "email": "sam@example.org"}


def test_expired_session_ends_for_tokens_and_cookies(alice: User) -> None:
    token = issue_access_token(make_session(alice, days=-1))
    assert GraphQLClient(token)(ME).status == 401
    client = log_in_by_cookie()
    Session.objects.update(expires_at=make_session(alice, days=-1).expires_at)
    assert client(ME).data == {"me": None}
