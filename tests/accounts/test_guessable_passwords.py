"""Long passwords that are easy to guess: variants of common ones, and context words."""

import time
from typing import Any

import pytest

from tests.accounts.test_sign_up import SIGN_UP, rows, sign_up
from tests.support.client import GraphQLClient
from tests.support.factories import PASSWORD

REFUSED = [("PASSWORD_TOO_WEAK", "password")]
TOO_COMMON = "This password is too common."
TOO_MUCH_CONTEXT = (
    "Your password must have at least 8 characters besides the names of this service and its "
    "operator."
)


def message(client: GraphQLClient, password: str) -> str:
    """Sign up with a password that must be rejected; return the reason."""
    before = rows()
    fields = {"email": "nina@example.org", "username": "nina", "password": password}
    answer = client(SIGN_UP, input=fields)
    assert answer.problems == REFUSED, password
    assert rows() == before
    text: str = answer.data["signUp"]["errors"][0]["message"]
    return text


# Common passwords ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        # Unchanged.
        "qwerty123456",
        " QWERTY123456 ",
        # Repeated.
        "passwordpassword",
        "PassWordpASSwORD",
        "123412341234",
        "abc123abc123",
        "dragon77dragon77",
        "monkeymonkeymonkeymonkey",
        # A few characters repeated.
        "abcabcabcabc",
        "xyzxyzxyzxyzxyz",
        "0707070707070707",
        "zzzzzzzzzzzz",
        "????????????????",
        " " * 12,
        # With additions.
        "password2026!!",
        "...qwerty...123",
        "2026-Monkey-2026",
        "«Passwort» 2026",
        "!!password1!!!",
        "(1234567890)",
        "!!!!!!!!1984",
        "пароль--2026",
        "\N{SNOWMAN}\N{SNOWMAN}\N{SNOWMAN}letmein\N{SNOWMAN}\N{SNOWMAN}",
        # Both.
        "passwordpassword123",
        "!abc123abc123!",
        "abcabcabcabc2026",
        "2026password2026password",
        "11qwertyqwerty!",
        # With the service's name.
        "roster-password",
        "RosterRosterQwerty2026",
        "Roster  1984  !!",
    ],
)
def test_common_password_in_disguise_is_refused(anonymous: GraphQLClient, password: str) -> None:
    assert message(anonymous, password) == TOO_COMMON


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "a phrase hard to guess at all",
        "another phrase hard to guess",
        "a third phrase hard to guess",
        "a phrase to remember",
        "another phrase to remember",
        "a phrase to keep",
        "a long phrase",
        "a password for show",
        "password as a part",
        "wordpassword",
        "abcabcabcabd",
        "83920174650192",
        "83920174650192 ",
        "p" * 12 + "q" * 116,
        "abxyabxyabxy",
    ],
)
def test_phrase_is_accepted(anonymous: GraphQLClient, password: str) -> None:
    assert sign_up(anonymous, password=password) == []


def test_refusal_is_in_the_readers_language(anonymous: GraphQLClient) -> None:
    anonymous.http.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    assert message(anonymous, "passwordpassword") == "Dieses Passwort ist zu üblich."


@pytest.mark.parametrize("pattern", ["a", "ab", "!", "a!", "roster", "rost", "aaaaaaab"])
def test_overlong_password_is_refused_quickly(anonymous: GraphQLClient, pattern: str) -> None:
    password = (pattern * 30_000)[:30_000] + "?x"
    began = time.monotonic()
    assert "at most 128 characters" in message(anonymous, password)
    assert time.monotonic() - began < 1


# Context words ---------------------------------------------------------------------------


@pytest.fixture
def names(settings: Any) -> None:
    """Configure the service for an organisation with several hosts."""
    settings.PUBLIC_URL = "https://people.muster-werk.example:8443"
    settings.ALLOWED_HOSTS = [
        *("testserver", "localhost", "127.0.0.1", "*"),
        *(".Kundenportal.example.", "www.sap.museum", "my-co.example", "people-test"),
    ]
    settings.PASSWORD_CONTEXT_WORDS = ["Umbrella", "B.C.", "Straße"]


@pytest.mark.parametrize(
    "password",
    [
        # Seven characters remain.
        "rosterkq7vz3x",
        "kq7ROSTERvz3x",
        "RosterRosterRosterkq7vz3x",
        # Hosts and their parts.
        "testserverkq7vz3x",
        "peoplekq7vz3x",
        "muster-werkkq7vz3x",
        "musterwerkkq7vz3x",
        "werk+muster:kq7vz",
        "Kundenportalkq7vz3x",
        "my-cokq7vz3x",
        "people-testkq7vz3x",
        # Words that the operator adds.
        "umbrellakq7vz3x",
        "b.c.B.C.kq7vz3x",
        "STRASSEkq7vz3x",
        "Umbrella-Roster-kq7v-",
    ],
)
def test_password_of_names_is_refused(anonymous: GraphQLClient, names: None, password: str) -> None:
    assert message(anonymous, password) == TOO_MUCH_CONTEXT


@pytest.mark.parametrize(
    "password",
    [
        # Eight characters remain.
        "rosterkq7vz3xw",
        "peoplekq7vz3xw",
        "umbrellakq7vz3xw",
        # Not context words: top-level domains, IP addresses, short labels, `localhost`.
        "museumkq7vz3x",
        "localhostkq7vz3x",
        "examplekq7vz3x",
        "127.0.0.1kq7vz",
        "wwwsapkq7vz3",
        "b-c-b-c-kq7vz3x",
        "rostrekq7vz3x",
    ],
)
def test_names_may_be_a_part_of_a_password(
    anonymous: GraphQLClient, names: None, password: str
) -> None:
    assert sign_up(anonymous, password=password) == []


def test_context_words_default_to_the_service(anonymous: GraphQLClient) -> None:
    assert message(anonymous, "rosterkq7vz3x") == TOO_MUCH_CONTEXT
    assert sign_up(anonymous, password="umbrellakq7vz3x") == []


def test_short_password_without_names_is_just_short(anonymous: GraphQLClient) -> None:
    text = message(anonymous, "kq7vz3x")
    assert text == "This password is too short. It must contain at least 12 characters."


def test_all_reasons_are_reported(anonymous: GraphQLClient, settings: Any) -> None:
    settings.PASSWORD_CONTEXT_WORDS = ["xy"]
    reasons = f"{TOO_COMMON} {TOO_MUCH_CONTEXT}"
    assert message(anonymous, "xyxyxyxyxyxy") == reasons
