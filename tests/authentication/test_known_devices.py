"""Known devices: users can sign in from them while other clients have locked the account."""

import base64
import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from core.security.crypto import seal
from tests.authentication.test_password_reset import RESET
from tests.authentication.test_passwords import CHANGE, NEW, REQUIRE, give_reset
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD, node_id
from tests.support.signing_in import (
    LOG_IN,
    LOG_OUT,
    ME,
    REFUSED,
    THROTTLED,
    ClientOf,
    CountingHasher,
    attempt,
    lock_out,
    log_in,
    log_in_by_cookie,
    tags,
)
from users.accounts.models import User
from users.activity.tags import Tag
from users.authentication.sessions.known_devices import (
    Device,
    issue_device_token,
    read_device_token,
)

PER_ACCOUNT = 4
COOKIE = "roster-device"


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.LOG_INS_PER_ACCOUNT = PER_ACCOUNT
    CountingHasher.install(settings)


def device_of(login: str) -> str:
    token: str = log_in(login)["deviceToken"]
    return token


# Signing in ------------------------------------------------------------------------------


def test_known_device_bypasses_the_lockout(alice: User) -> None:
    device = device_of("alice")
    for login in ("alice", "alice@example.org"):
        lock_out(login)
    for login in ("alice", "ALICE@example.org"):
        assert attempt(login, PASSWORD, device).problems == []
    # The account stays locked for other clients.
    assert attempt("alice", PASSWORD).codes == THROTTLED


def test_known_browser_bypasses_the_lockout(alice: User) -> None:
    browser = log_in_by_cookie()
    browser(LOG_OUT)
    assert browser.http.cookies[COOKIE].value
    assert browser(ME).data == {"me": None}
    lock_out()
    variables = {"login": "alice", "password": PASSWORD, "transport": "COOKIE"}
    assert GraphQLClient()(LOG_IN, **variables).codes == THROTTLED
    assert browser(LOG_IN, **variables).problems == []
    assert browser(ME).data == {"me": {"username": "alice"}}


def test_known_device_is_independent_of_shared_limits(alice: User, settings: Any) -> None:
    device = device_of("alice")
    settings.LOG_INS_PER_ADDRESS = settings.LOG_INS_OVERALL = 1
    assert attempt("bob").problems == REFUSED
    assert attempt("alice", PASSWORD).codes == THROTTLED
    assert attempt("alice", PASSWORD, device).problems == []


# Limits ----------------------------------------------------------------------------------


def test_device_has_a_limit_of_its_own(alice: User) -> None:
    device, other = device_of("alice"), device_of("alice")
    for _ in range(PER_ACCOUNT):
        assert attempt(device=device).problems == REFUSED
    CountingHasher.runs = 0
    assert attempt("alice", PASSWORD, device).codes == THROTTLED
    assert CountingHasher.runs == 0
    # It locks neither the account nor another device, and records no lockout.
    assert attempt("alice", PASSWORD, other).problems == []
    assert attempt("alice", PASSWORD).problems == []
    assert Tag.LOG_IN_THROTTLED not in tags()


def test_success_clears_the_devices_failures(alice: User) -> None:
    device = device_of("alice")
    for _ in range(3):
        for _ in range(PER_ACCOUNT - 1):
            assert attempt(device=device).problems == REFUSED
        assert attempt("alice", PASSWORD, device).problems == []


def test_device_id_is_stable_per_user(alice: User, bob: User) -> None:
    first = read_device_token(device_of("alice"))
    assert first is not None
    token = issue_device_token(alice, known=first)
    again = read_device_token(attempt("alice", PASSWORD, token).data["logIn"]["deviceToken"])
    assert again == first
    bobs = attempt("bob", PASSWORD, token).data["logIn"]["deviceToken"]
    device = read_device_token(bobs)
    assert device is not None
    assert (device.user_id, device.id == first.id) == (bob.pk, False)


@pytest.mark.parametrize("how", ["change", "reset", "require"])
def test_new_password_revokes_known_devices(
    alice: User, root: User, client_of: ClientOf, how: str
) -> None:
    device = device_of("alice")
    if how == "change":
        answer = client_of(alice)(CHANGE, currentPassword=PASSWORD, newPassword=NEW)
    elif how == "reset":
        answer = GraphQLClient()(RESET, token=give_reset(alice).token, newPassword=NEW)
    else:
        answer = client_of(root)(REQUIRE, userId=node_id(alice))
    assert answer.problems == []
    lock_out()
    assert attempt("alice", NEW, device).codes == THROTTLED


# Unknown devices -------------------------------------------------------------------------


def test_device_of_another_user_is_ignored(alice: User, bob: User) -> None:
    device = device_of("bob")
    lock_out("alice")
    lock_out("unknown")
    answers = [attempt(login, PASSWORD, device) for login in ("alice", "unknown")]
    assert [answer.codes for answer in answers] == [THROTTLED] * 2
    assert answers[0].body == answers[1].body
    assert CountingHasher.runs == 0


def test_device_of_another_user_is_counted_as_unknown(alice: User, bob: User) -> None:
    device = device_of("bob")
    for _ in range(PER_ACCOUNT):
        assert attempt(device=device).problems == REFUSED
    assert attempt().codes == THROTTLED


def test_forged_and_expired_device_tokens_are_ignored(alice: User, settings: Any) -> None:
    token = device_of("alice")
    device = read_device_token(token)
    assert device is not None
    plain = device.user_id.bytes + device.id.bytes + device.password_mark
    now, old = timezone.now(), timezone.now() - settings.DEVICE_TTL
    stamp, stale = (int(moment.timestamp()).to_bytes(8, "big") for moment in (now, old))
    good = {"purpose": "device", "context": "device token"}
    assert read_device_token(seal(plain + stamp, **good)) == device
    forged = [
        "",
        "x",
        "\0",
        "\N{SNOWMAN}",
        "x" * 10_000,
        token[:-1],
        token[1:],
        token + "AAAA",
        token.swapcase(),
        base64.urlsafe_b64encode(plain + stamp).decode(),
        seal(plain + stale, **good),
        seal(plain + stamp, **good | {"purpose": "cursor"}),
        seal(plain + stamp, **good | {"context": "UserConnection.username"}),
    ]
    secret_key, settings.SECRET_KEY = settings.SECRET_KEY, "another-secret-key-another-secret-key"
    forged.append(seal(plain + stamp, **good))
    settings.SECRET_KEY = secret_key
    lock_out()
    for value in forged:
        assert attempt("alice", PASSWORD, value).codes == THROTTLED, value
    assert attempt("alice", PASSWORD, token).problems == []


def test_device_expires_after_a_year(alice: User, settings: Any) -> None:
    token = device_of("alice")
    settings.DEVICE_TTL = dt.timedelta(0)
    assert read_device_token(token) is None
    lock_out()
    assert attempt("alice", PASSWORD, token).codes == THROTTLED


def test_device_token_reveals_nothing_about_the_user(alice: User) -> None:
    token = device_of("alice")
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert alice.pk.bytes not in raw
    assert isinstance(read_device_token(token), Device)


# Cookies ---------------------------------------------------------------------------------


def test_failed_log_in_issues_no_device_token(alice: User) -> None:
    client = GraphQLClient()
    answer = client(LOG_IN, login="alice", password="wrong", transport="COOKIE")
    assert answer.data["logIn"]["deviceToken"] is None
    assert not client.http.cookies


def test_device_cookie_is_http_only(alice: User, settings: Any) -> None:
    settings.SECURE = True
    settings.DEVICE_COOKIE = "__Host-roster-device"
    client = GraphQLClient()
    answer = client(LOG_IN, login="alice", password=PASSWORD, transport="COOKIE")
    assert answer.data["logIn"]["deviceToken"] is None
    cookie = client.http.cookies["__Host-roster-device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert cookie["max-age"] == settings.DEVICE_TTL.total_seconds()
