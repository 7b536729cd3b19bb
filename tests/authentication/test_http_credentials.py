"""Credentials in requests: cookies, bearer tokens, cross-site requests and hostile text."""

import base64
from collections.abc import Callable
from http.cookies import Morsel
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD
from users.accounts.models import SignUp, User
from users.activity.models import Event
from users.activity.tags import Tag
from users.authentication.models import Session

pytestmark = pytest.mark.usefixtures("path")

ME = "{ me { username } }"
LOG_IN = """
    mutation ($login: String!, $transport: Transport! = COOKIE) {
      logIn(input: {login: $login, password: "%s", transport: $transport}) {
        accessToken refreshToken user { username } errors { code field }
      }
    }
"""
LOG_OUT = "mutation { logOut { errors { code } } }"


def log_in(client: GraphQLClient, login: str) -> Morsel[str]:
    """Sign in by cookie and return the cookie."""
    answer = client(LOG_IN % PASSWORD, login=login)
    assert answer.data["logIn"] == {
        "accessToken": None,
        "refreshToken": None,
        "user": {"username": login},
        "errors": [],
    }
    cookie: Morsel[str] = client.http.cookies[settings.SESSION_COOKIE]
    return cookie


# Cookies ---------------------------------------------------------------------------------


def test_cookie_is_http_only_and_same_site(
    anonymous: GraphQLClient, alice: User, settings: Any
) -> None:
    cookie = log_in(anonymous, "alice")
    assert cookie.key == "roster"
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert cookie["max-age"] == settings.SESSION_MAX_AGE.total_seconds()
    assert anonymous(ME).data == {"me": {"username": "alice"}}


def test_cookie_under_https_is_secure_and_bound_to_the_host(
    anonymous: GraphQLClient, alice: User, settings: Any
) -> None:
    settings.SECURE = True
    settings.SESSION_COOKIE = "__Host-roster"
    cookie = log_in(anonymous, "alice")
    assert cookie.key == "__Host-roster"
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)
    assert (cookie["path"], cookie["domain"]) == ("/", "")

    assert anonymous(LOG_OUT).data == {"logOut": {"errors": []}}
    cookie = anonymous.http.cookies["__Host-roster"]
    assert (cookie.value, cookie["max-age"], cookie["secure"]) == ("", 0, True)


def test_stale_cookie_makes_an_anonymous_request(anonymous: GraphQLClient, alice: User) -> None:
    log_in(anonymous, "alice")
    Session.objects.all().delete()
    assert anonymous(ME).data == {"me": None}
    log_in(anonymous, "alice")
    assert anonymous(ME).data == {"me": {"username": "alice"}}


@pytest.mark.parametrize("cookie", ["", "nonsense", "x" * 4_000, "\xff", "\0"])
def test_invalid_cookie_makes_an_anonymous_request(anonymous: GraphQLClient, cookie: str) -> None:
    anonymous.http.cookies["roster"] = cookie
    assert anonymous(ME).data == {"me": None}


def test_log_in_by_token_sets_no_cookie(anonymous: GraphQLClient, alice: User) -> None:
    answer = anonymous(LOG_IN % PASSWORD, login="alice", transport="TOKEN")
    assert answer.data["logIn"]["accessToken"]
    assert "Set-Cookie" not in answer.headers
    assert not anonymous.http.cookies


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://testserver.evil.example", "http://testserver:81"],
)
def test_cross_site_request_with_the_cookie_is_refused(
    anonymous: GraphQLClient, alice: User, origin: str
) -> None:
    log_in(anonymous, "alice")
    for query in (LOG_OUT, ME):
        answer = anonymous.post(f'{{"query": "{query}"}}', Origin=origin)
        assert (answer.status, answer.codes) == (403, ["CROSS_SITE_REQUEST"])
        assert "data" not in answer.body
    assert Session.objects.count() == 1
    assert anonymous(ME).data == {"me": {"username": "alice"}}


def test_trusted_site_request_with_the_cookie_is_served(
    anonymous: GraphQLClient, alice: User, settings: Any
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example"]
    log_in(anonymous, "alice")
    for origin in ("http://testserver", "https://app.example"):
        answer = anonymous.post(f'{{"query": "{ME}"}}', Origin=origin)
        assert answer.data == {"me": {"username": "alice"}}


def test_same_site_request_of_an_allowed_origin_with_the_cookie_is_served(
    anonymous: GraphQLClient, alice: User, settings: Any
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    log_in(anonymous, "alice")
    answer = anonymous.post(f'{{"query": "{ME}"}}', Origin="https://app.example")
    assert answer.data == {"me": {"username": "alice"}}
    for origin in ("https://evil.example", "http://app.example", "null"):
        answer = anonymous.post(f'{{"query": "{ME}"}}', Origin=origin)
        assert (answer.status, answer.codes) == (403, ["CROSS_SITE_REQUEST"])
        assert "access-control-allow-origin" not in answer.headers


def test_forms_of_an_allowed_origin_are_refused(alice: User, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    client = Client(enforce_csrf_checks=True)
    token = client.get("/forgot-password").cookies["csrftoken"].value
    form = {"email": "alice@example.org", "csrfmiddlewaretoken": token}
    statuses = [
        client.post("/forgot-password", form, headers={"Origin": origin}).status_code
        for origin in ("https://app.example", "http://testserver")
    ]
    assert statuses == [403, 200]


def test_cross_site_request_without_the_cookie_is_served(
    client_of: Callable[[User], GraphQLClient], alice: User
) -> None:
    answer = client_of(alice).post(f'{{"query": "{ME}"}}', Origin="https://app.example")
    assert answer.data == {"me": {"username": "alice"}}


# Bearer tokens ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "credentials",
    [
        "Bearer",
        "Bearer ",
        "bearer nonsense",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer \u00e9.\u00e9.\u00e9",
        f"Bearer {base64.urlsafe_b64encode(b'[' * 4_000).decode()}.e30.e30",
    ],
)
def test_invalid_bearer_token_is_401(anonymous: GraphQLClient, credentials: str) -> None:
    answer = anonymous.post(f'{{"query": "{ME}"}}', Authorization=credentials)
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "data" not in answer.body


def test_invalid_bearer_token_does_not_fall_back_to_the_cookie(
    anonymous: GraphQLClient, alice: User
) -> None:
    log_in(anonymous, "alice")
    anonymous.token = "nonsense"
    assert anonymous(ME).status == 401


def test_other_authorization_schemes_are_ignored(anonymous: GraphQLClient) -> None:
    answer = anonymous.post(f'{{"query": "{ME}"}}', Authorization="Basic YWxpY2U6eA==")
    assert answer.data == {"me": None}


# NUL, which PostgreSQL's text type rejects ------------------------------------------------

NULS = ["\0", "alice\0", "\0alice@example.org", "a\0b@example.org"]


def global_id(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("nul", NULS)
@pytest.mark.parametrize(
    ("mutation", "problems"),
    [
        ('logIn(input: {login: $x, password: "x"})', [("CREDENTIALS_INVALID", "login")]),
        ('logIn(input: {login: "alice", password: $x})', [("CREDENTIALS_INVALID", "login")]),
        ("refreshTokens(input: {refreshToken: $x})", [("TOKEN_INVALID", "refreshToken")]),
        ("verifyEmail(input: {token: $x})", [("TOKEN_INVALID", "token")]),
        (
            "signUp(input: {email: $x, username: $x, password: $x, locale: $x})",
            [
                ("EMAIL_INVALID", "email"),
                ("USERNAME_INVALID", "username"),
                ("PASSWORD_TOO_WEAK", "password"),
                ("LOCALE_UNSUPPORTED", "locale"),
            ],
        ),
        ("updateProfile(input: {name: $x})", [("VALUE_INVALID", "name")]),
        ("updateProfile(input: {bio: $x})", [("VALUE_INVALID", "bio")]),
        ("updateProfile(input: {website: $x})", [("VALUE_INVALID", "website")]),
        ("updateProfile(input: {locale: $x})", [("LOCALE_UNSUPPORTED", "locale")]),
        ("updateProfile(input: {timeZone: $x})", [("TIME_ZONE_UNKNOWN", "timeZone")]),
    ],
)
def test_nul_in_an_input_is_a_problem_of_the_input(
    client_of: Callable[[User], GraphQLClient],
    alice: User,
    mutation: str,
    nul: str,
    problems: list[tuple[str, str]],
) -> None:
    query = f"mutation ($x: String!) {{ {mutation} {{ errors {{ code field }} }} }}"
    assert client_of(alice)(query, x=nul).problems == problems
    assert not SignUp.objects.exists()
    assert not Event.objects.exclude(tag=Tag.LOG_IN_REFUSED).exists()
    assert Session.objects.count() == 1


@pytest.mark.parametrize("field", ["node", "user", "organization"])
@pytest.mark.parametrize(
    "identifier", [*NULS, global_id("User:\0"), global_id("\0:\0"), global_id("Organization:\0")]
)
def test_nul_in_an_id_is_the_id_of_nothing(
    client_of: Callable[[User], GraphQLClient], alice: User, field: str, identifier: str
) -> None:
    query = f"query ($x: ID!) {{ found: {field}(id: $x) {{ id }} }}"
    assert client_of(alice)(query, x=identifier).data == {"found": None}


@pytest.mark.parametrize("nul", NULS)
def test_nul_in_a_cursor_is_no_cursor(
    client_of: Callable[[User], GraphQLClient], alice: User, nul: str
) -> None:
    client = client_of(alice)
    for arguments in ("first: 1, after: $x", "last: 1, before: $x"):
        answer = client(
            f"query ($x: String!) {{ users({arguments}) {{ edges {{ cursor }} }} }}", x=nul
        )
        assert answer.codes == ["CURSOR_INVALID"]


def test_nul_in_a_variable_without_use_for_it_is_harmless(anonymous: GraphQLClient) -> None:
    assert anonymous(ME, **{"\0": "\0"}).data == {"me": None}
