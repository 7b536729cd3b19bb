"""Access tokens: valid while their session is active; forged ones are refused."""

import datetime as dt
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from tests.support.access_tokens import base64url, key_of, kid_of, signed
from tests.support.captured import Statements
from tests.support.client import GraphQLClient
from tests.support.factories import make_session
from tests.support.signing_in import ALICE, ME
from users.accounts.models import User
from users.authentication.models import Session
from users.authentication.sessions import access_tokens
from users.authentication.sessions.access_tokens import (
    CLOCK_LEEWAY,
    AccessTokenError,
    issue_access_token,
    read_access_token,
)

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def session(alice: User) -> Session:
    return make_session(alice)


@pytest.fixture
def claims(session: Session, settings: Any) -> dict[str, Any]:
    """Return the claims of a valid token."""
    return {
        "iss": settings.PUBLIC_URL,
        "aud": settings.PUBLIC_URL,
        "sub": str(session.user_id),
        "sid": str(session.pk),
        "iat": timezone.now(),
        "exp": timezone.now() + MINUTE,
    }


@pytest.fixture
def key(settings: Any) -> Ed25519PrivateKey:
    return key_of(settings.SECRET_KEY)


def assert_refused(token: str) -> None:
    answer = GraphQLClient(token)(ME)
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])


def test_token_names_its_session_and_lasts_minutes(session: Session, settings: Any) -> None:
    token = issue_access_token(session)
    key = key_of(settings.SECRET_KEY)
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid_of(key)}
    assert jwt.get_unverified_header(token) == header
    said = jwt.decode(token, options={"verify_signature": False})
    assert said.keys() == {"iss", "aud", "sub", "sid", "iat", "exp"}
    assert said["iss"] == said["aud"] == settings.PUBLIC_URL
    assert said["sub"] == str(session.user_id)
    assert said["sid"] == str(session.pk)
    assert said["exp"] - said["iat"] == settings.ACCESS_TOKEN_TTL.total_seconds()
    assert GraphQLClient(token)(ME).data == ALICE


def test_valid_token_is_accepted(claims: dict[str, Any], key: Ed25519PrivateKey) -> None:
    assert GraphQLClient(signed(claims, key))(ME).data == ALICE


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "AT+JWT"},
        {"typ": "application/at+jwt"},
        {"typ": ""},
        {"typ": None},
        {"kid": None},
        {"kid": ""},
        {"kid": "x"},
        {"kid": 1},
        {"kid": kid_of(key_of("another-secret-key-another-secret-key"))},
        {"crit": ["x"]},
    ],
    ids=str,
)
def test_token_of_another_kind_is_refused(
    claims: dict[str, Any], key: Ed25519PrivateKey, header: dict[str, Any]
) -> None:
    segments = signed(claims, key).split(".")
    said = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid_of(key)} | header
    kept = {name: value for name, value in said.items() if value is not None}
    signing_input = f"{base64url(json.dumps(kept).encode())}.{segments[1]}"
    assert_refused(f"{signing_input}.{base64url(key.sign(signing_input.encode()))}")


@pytest.mark.parametrize(
    "change",
    [
        {"exp": timezone.now() - MINUTE},
        {"exp": None},
        {"exp": "soon"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "https://evil.example"},
        {"aud": []},
        {"aud": None},
        {"sub": None},
        {"iat": None},
        {"sid": None},
        {"sid": "x"},
        {"sid": str(uuid4())},
        {"sid": ""},
        {"nbf": timezone.now() + dt.timedelta(days=1)},
        {"iat": timezone.now() + dt.timedelta(days=1)},
        # The test may run long after the module was imported.
        {"iat": timezone.now() + dt.timedelta(hours=2)},
        {"iat": []},
    ],
    ids=" ".join,
)
def test_token_with_other_claims_is_refused(
    claims: dict[str, Any], key: Ed25519PrivateKey, change: dict[str, Any]
) -> None:
    said = {name: value for name, value in (claims | change).items() if value is not None}
    assert_refused(signed(said, key))


def test_clock_of_the_issuing_pod_may_be_ahead(
    claims: dict[str, Any], key: Ed25519PrivateKey, session: Session
) -> None:
    issued_at = timezone.now() + dt.timedelta(seconds=CLOCK_LEEWAY / 2)
    token = signed(claims | {"iat": issued_at}, key)
    assert read_access_token(token) == session.pk


def test_tampered_token_is_refused(session: Session) -> None:
    header, payload, signature = issue_access_token(session).split(".")
    other = issue_access_token(make_session(session.user)).split(".")
    for forged in (
        f"{header}.{payload}.{signature[:-4]}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{other[1]}.{signature}",
        f"{header}.{payload}.{other[2]}",
        f"{header}.{payload[:-2]}.{signature}",
        f"{header}.{payload}.{signature}.{signature}",
    ):
        assert_refused(forged)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_token_may_not_choose_a_weaker_algorithm(
    claims: dict[str, Any], key: Ed25519PrivateKey, algorithm: str
) -> None:
    secret = "" if algorithm == "none" else key.public_key().public_bytes_raw()
    header = {"typ": "at+jwt", "kid": kid_of(key)}
    assert_refused(jwt.encode(claims, secret, algorithm=algorithm, headers=header))


def test_token_signed_with_another_key_is_refused(claims: dict[str, Any], settings: Any) -> None:
    for stranger in (
        Ed25519PrivateKey.generate(),
        key_of("another-secret-key-another-secret-key"),
        key_of(settings.SECRET_KEY, purpose="cursor"),
    ):
        assert_refused(signed(claims, stranger))
        assert_refused(signed(claims, stranger, kid=kid_of(key_of(settings.SECRET_KEY))))


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c"])
def test_token_may_not_bring_its_own_key(
    claims: dict[str, Any], key: Ed25519PrivateKey, header: str
) -> None:
    stranger = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url(stranger.public_key().public_bytes_raw())}
    url = f"data:application/json,{json.dumps({'keys': [jwk | {'kid': kid_of(key)}]})}"
    said = {"jwk": jwk, "jku": url, "x5u": url, "x5c": [jwk["x"]]}[header]
    for kid in (kid_of(key), kid_of(stranger), None):
        assert_refused(signed(claims, stranger, kid=kid, **{header: said}))


def test_token_ends_with_its_session(
    session: Session, client_of: Callable[[User], GraphQLClient]
) -> None:
    client = GraphQLClient(issue_access_token(session))
    other = client_of(session.user)
    assert client(ME).data == ALICE
    session.delete()
    assert client(ME).status == 401
    assert other(ME).data == ALICE


# Cached tokens ---------------------------------------------------------------------------


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the tokens whose signatures were verified."""
    seen: list[str] = []
    verify = access_tokens.verify_access_token

    def counting(token: str, keys: Any) -> Any:
        seen.append(token)
        return verify(token, keys)

    monkeypatch.setattr(access_tokens, "verify_access_token", counting)
    return seen


def test_token_is_verified_once_and_its_session_looked_up_each_time(
    session: Session,
    verifications: list[str],
    statements: Callable[[], AbstractContextManager[Statements]],
) -> None:
    token = issue_access_token(session)
    for _ in range(3):
        with statements() as captured:
            assert GraphQLClient(token)(ME).data == ALICE
        assert sum('FROM "authentication_session"' in sql for sql in captured) == 1
    assert verifications == [token]
    session.delete()
    assert_refused(token)
    assert verifications == [token]


def test_cached_token_expires(session: Session, settings: Any, verifications: list[str]) -> None:
    settings.ACCESS_TOKEN_TTL = dt.timedelta(seconds=2)
    token = issue_access_token(session)
    assert GraphQLClient(token)(ME).data == ALICE
    time.sleep(2.1)
    for _ in range(2):
        assert_refused(token)
    assert verifications == [token] * 3


def test_cached_verification_depends_on_the_settings(session: Session, settings: Any) -> None:
    token = issue_access_token(session)
    assert GraphQLClient(token)(ME).data == ALICE
    url, settings.PUBLIC_URL = settings.PUBLIC_URL, "https://elsewhere.example"
    assert_refused(token)
    settings.PUBLIC_URL = url
    settings.SECRET_KEY = "another-secret-key-another-secret-key"
    assert_refused(token)


def test_refusals_are_not_cached(session: Session, verifications: list[str]) -> None:
    for _ in range(2):
        assert_refused("a.b.c")
    assert verifications == ["a.b.c"] * 2


def test_cache_is_bounded_and_holds_no_token(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = access_tokens.verified_token_cache(2)
    monkeypatch.setattr(access_tokens, "verified_tokens", memory)
    sessions = [make_session(session.user) for _ in range(3)]
    issued_for = [session.pk for session in sessions]
    issued = [issue_access_token(session) for session in sessions]
    for token in issued:
        read_access_token(token)
        read_access_token(issued[0])
        assert len(memory) <= 2
    held = str(vars(memory))
    assert str(issued_for[2]) in held
    assert str(issued_for[1]) not in held
    assert all(part not in held for token in issued for part in token.split("."))
    with pytest.raises(AccessTokenError):
        read_access_token(f"{issued[0]}x")
