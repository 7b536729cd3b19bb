"""Changing a password, and required resets: permissions, ended sessions and mails."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from core.bulkhead import EXPENSIVE
from core.outbox.models import OutboxMessage
from tests.accounts.test_sign_up_mail import text_of
from tests.support.client import GraphQLClient, run_concurrently
from tests.support.factories import PASSWORD, make_session, make_user, node_id
from tests.support.second_factors import REAUTHENTICATE
from tests.support.signing_in import log_in_by_cookie
from tests.support.sink import Sink
from users.accounts.models import User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import PasswordReset, Session
from users.authentication.sessions.access_tokens import issue_access_token
from users.authentication.tasks import mail_password_changed, mail_password_reset

ClientOf = Callable[[User], GraphQLClient]

CHANGE = """
    mutation ($currentPassword: String!, $newPassword: String!) {
      changePassword(input: {currentPassword: $currentPassword, newPassword: $newPassword}) {
        user { username activeSessionCount } errors { code field message }
      }
    }
"""
REQUIRE = """
    mutation ($userId: ID!) {
      requirePasswordReset(input: {userId: $userId}) {
        user { username activeSessionCount } errors { code field message }
      }
    }
"""
LOG_IN = """
    mutation ($login: String!, $password: String!) {
      logIn(input: {login: $login, password: $password}) { accessToken errors { code field } }
    }
"""
NEW = "another phrase no one would guess"
OTHER = "a third phrase no one would guess"


def change(client: GraphQLClient, current: str = PASSWORD, new: str = NEW) -> list[tuple[str, str]]:
    return client(CHANGE, currentPassword=current, newPassword=new).problems


def require(client: GraphQLClient, user: User) -> list[tuple[str, str]]:
    return client(REQUIRE, userId=node_id(user)).problems


def log_in(user: User, password: str) -> list[tuple[str, str]]:
    return GraphQLClient()(LOG_IN, login=user.username, password=password).problems


def is_signed_in(client: GraphQLClient) -> bool:
    answer = client("{ me { username } }")
    return answer.status == 200 and answer.data["me"] is not None


def give_reset(user: User) -> PasswordReset:
    """Create a pending reset."""
    expires_at = timezone.now() + dt.timedelta(minutes=30)
    return PasswordReset.objects.create(user=user, email=user.email, expires_at=expires_at)


def state(user: User) -> tuple[Any, ...]:
    """Return the rows that a refusal must not change."""
    return (
        User.objects.values("password", "email_verified_at", "is_active").get(pk=user.pk),
        sorted(Session.objects.values_list("pk", flat=True)),
        sorted(PasswordReset.objects.values_list("nonce", "expires_at")),
        OutboxMessage.objects.count(),
    )


def events() -> list[tuple[str, dict[str, Any]]]:
    return list(Event.objects.order_by("pk").values_list("tag", "data"))


# Changing the password -------------------------------------------------------------------


def test_browser_gets_a_new_cookie(alice: User) -> None:
    browser = log_in_by_cookie()
    former = browser.http.cookies["roster"].value
    assert change(browser) == []
    assert browser("{ me { username } }").data == {"me": {"username": "alice"}}
    assert browser.http.cookies["roster"].value != former
    browser.http.cookies["roster"] = former
    assert browser("{ me { username } }").data == {"me": None}


def test_change_signs_out_everywhere_else(client_of: ClientOf, alice: User, bob: User) -> None:
    here, elsewhere, others = client_of(alice), client_of(alice), client_of(bob)
    make_session(alice, days=-1)
    give_reset(alice)
    kept = give_reset(bob)

    answer = here(CHANGE, currentPassword=PASSWORD, newPassword=NEW)

    assert answer.data["changePassword"] == {
        "user": {"username": "alice", "activeSessionCount": 1},
        "errors": [],
    }
    assert [is_signed_in(client) for client in (here, elsewhere, others)] == [True, False, True]
    assert elsewhere("{ me { username } }").status == 401
    assert list(PasswordReset.objects.all()) == [kept]
    event = Event.objects.get()
    assert (event.tag, event.data) == (Tag.PASSWORD_CHANGED, {"sessions": 1})
    assert (event.actor_id, event.subject_id) == (alice.pk, alice.pk)
    assert event.session_id is not None
    assert log_in(alice, PASSWORD) == [("CREDENTIALS_INVALID", "login")]
    assert log_in(alice, NEW) == []
    assert log_in(bob, PASSWORD) == []


def test_wrong_current_password_changes_nothing_and_is_recorded(
    client_of: ClientOf, alice: User
) -> None:
    client = client_of(alice)
    before = state(alice)
    for wrong in ("", PASSWORD.upper(), f"{PASSWORD} ", NEW, "p" * 10_000):
        assert change(client, wrong) == [("PASSWORD_WRONG", "currentPassword")]
    assert state(alice) == before
    assert events() == [(Tag.PASSWORD_REFUSED, {})] * 5
    assert change(client) == []


@pytest.mark.parametrize(
    "weak", ["", "short", "elevenchars", "qwerty123456", "alice@example.org", "p" * 129]
)
def test_weak_password_is_refused(client_of: ClientOf, alice: User, weak: str) -> None:
    client = client_of(alice)
    before = state(alice)
    assert change(client, new=weak) == [("PASSWORD_TOO_WEAK", "newPassword")]
    assert state(alice) == before
    assert events() == []


def test_anonymous_clients_cannot_change_a_password(anonymous: GraphQLClient, alice: User) -> None:
    before = state(alice)
    answer = anonymous(CHANGE, currentPassword=PASSWORD, newPassword=NEW)
    assert (answer.status, answer.codes) == (200, ["UNAUTHENTICATED"])
    assert state(alice) == before
    assert events() == []


def test_right_passwords_are_no_guesses(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    for _attempt in range(12):
        assert client(REAUTHENTICATE, proof={"password": PASSWORD}).problems == []
    for number in range(10):
        assert change(client, f"guess {number}") == [("PASSWORD_WRONG", "currentPassword")]
    assert client(REAUTHENTICATE, proof={"password": PASSWORD}).codes == ["TOO_MANY_ATTEMPTS"]


def test_passwords_that_were_not_verified_are_no_guesses(
    client_of: ClientOf, alice: User, settings: Any
) -> None:
    settings.WEB_THREADS = 2
    client = client_of(alice)
    with EXPENSIVE:
        for _attempt in range(12):
            answer = client(CHANGE, currentPassword=PASSWORD, newPassword=NEW)
            assert answer.codes == ["SERVICE_BUSY"]
    assert change(client) == []


def test_current_password_cannot_be_guessed(client_of: ClientOf, alice: User, bob: User) -> None:
    client = client_of(alice)
    for number in range(10):
        assert change(client, f"guess {number}") == [("PASSWORD_WRONG", "currentPassword")]
    before = state(alice)
    for current in (PASSWORD, "guess 11"):
        answer = client_of(alice)(CHANGE, currentPassword=current, newPassword=NEW)
        assert answer.codes == ["TOO_MANY_ATTEMPTS"]
        assert 0 < answer.body["errors"][0]["extensions"]["retryAfter"] <= 900
    assert state(alice)[0] == before[0]
    assert events() == [(Tag.PASSWORD_REFUSED, {})] * 10
    assert change(client_of(bob)) == []


def test_rehashed_password_is_still_current(
    client_of: ClientOf, alice: User, settings: Any
) -> None:
    client = client_of(alice)
    settings.ARGON2_PASSES += 1
    assert change(client) == []
    assert log_in(alice, NEW) == []


@pytest.mark.parametrize("_time", range(5))
def test_concurrent_changes_apply_once(transactional_db: None, _time: int) -> None:
    alice = make_user("alice")
    token = issue_access_token(make_session(alice))
    first, second = run_concurrently(
        lambda: change(GraphQLClient(token), new=NEW),
        lambda: change(GraphQLClient(token), new=OTHER),
    )
    assert sorted([first, second]) == [[], [("PASSWORD_WRONG", "currentPassword")]]
    won, lost = (NEW, OTHER) if first == [] else (OTHER, NEW)
    alice.refresh_from_db()
    assert (alice.check_password(won), alice.check_password(lost)) == (True, False)
    assert Event.objects.filter(tag=Tag.PASSWORD_CHANGED).count() == 1


@pytest.mark.parametrize("_time", range(5))
def test_new_password_ends_concurrent_sessions(transactional_db: None, _time: int) -> None:
    alice = make_user("alice")
    token = issue_access_token(make_session(alice))
    changed, _logged_in = run_concurrently(
        lambda: change(GraphQLClient(token)), lambda: log_in(alice, PASSWORD)
    )
    assert changed == []
    assert Session.objects.count() == 1


# Required resets -------------------------------------------------------------------------


def test_administrator_forces_a_reset(
    client_of: ClientOf, alice: User, bob: User, root: User
) -> None:
    hers, his = client_of(alice), client_of(bob)
    former = give_reset(alice)

    answer = client_of(root)(REQUIRE, userId=node_id(alice))

    assert answer.data["requirePasswordReset"] == {
        "user": {"username": "alice", "activeSessionCount": 0},
        "errors": [],
    }
    assert (is_signed_in(hers), is_signed_in(his)) == (False, True)
    assert not PasswordReset.objects.with_token(former.token).exists()
    alice.refresh_from_db()
    assert not alice.has_usable_password()
    event = Event.objects.get()
    assert (event.tag, event.data) == (Tag.PASSWORD_RESET_FORCED, {"sessions": 1})
    assert (event.actor_id, event.subject_id) == (root.pk, alice.pk)
    assert log_in(alice, PASSWORD) == [("CREDENTIALS_INVALID", "login")]
    assert log_in(bob, PASSWORD) == []


@pytest.mark.parametrize("who", ["anonymous", "alice", "sam"])
def test_only_administrators_force_resets(
    anonymous: GraphQLClient, client_of: ClientOf, alice: User, sam: User, who: str
) -> None:
    client = {"alice": client_of(alice), "sam": client_of(sam)}.get(who, anonymous)
    code = "UNAUTHENTICATED" if who == "anonymous" else "FORBIDDEN"
    before = state(alice)
    for user_id in (node_id(alice), "unknown"):
        assert client(REQUIRE, userId=user_id).codes == [code]
    assert state(alice) == before
    assert events() == []


def test_unknown_user_cannot_be_forced_to_reset(client_of: ClientOf, root: User) -> None:
    client = client_of(root)
    for user_id in ("", "x", node_id(User(username="unknown")), "T3JnYW5pemF0aW9uOjE="):
        assert client(REQUIRE, userId=user_id).problems == [("NOT_FOUND", "userId")]
    assert events() == []


def test_last_administrator_gets_the_mail_too(client_of: ClientOf, root: User, mails: Sink) -> None:
    assert require(client_of(root), root) == []
    mail_password_reset(str(Event.objects.get().pk))
    mail = mails.next()
    assert mail["To"] == "root@example.org"
    assert PasswordReset.objects.get(user=root).token in text_of(mail, "plain")


# Mails -----------------------------------------------------------------------------------


def test_user_is_notified_of_a_password_change(worker: Sink) -> None:
    alice = make_user("alice", name="Alice Archer", email_verified_at=timezone.now())
    assert change(GraphQLClient(issue_access_token(make_session(alice)))) == []
    mail = worker.next()
    assert (mail["To"], mail["Subject"]) == ("alice@example.org", "Your password was changed")
    for subtype in ("plain", "html"):
        assert "Hello Alice Archer," in text_of(mail, subtype)
        assert "token" not in text_of(mail, subtype)
    assert worker.is_empty()


def test_link_of_a_forced_reset_is_mailed(worker: Sink) -> None:
    alice, root = make_user("alice"), make_user("root", is_superuser=True)
    assert require(GraphQLClient(issue_access_token(make_session(root))), alice) == []
    mail = worker.next()
    assert (mail["To"], mail["Subject"]) == ("alice@example.org", "You need a new password")
    token = PasswordReset.objects.get(user=alice).token
    for subtype in ("plain", "html"):
        assert f"http://testserver/reset-password#token={token}" in text_of(mail, subtype)
        assert "An administrator requires you" in text_of(mail, subtype)
    assert worker.is_empty()


def test_erased_account_gets_no_mail(client_of: ClientOf, alice: User, mails: Sink) -> None:
    assert change(client_of(alice)) == []
    alice.delete()
    mail_password_changed(str(Event.objects.get().pk))
    assert mails.is_empty()
