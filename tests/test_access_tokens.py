"""Access tokens: ours are taken while their session lives, all others are refused."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from core.crypto import derive_key
from tests.client import GraphQLClient
from tests.factories import make_session
from users.accounts.models import User
from users.authentication.models import Session
from users.authentication.tokens import issue_access_token

ME = "{ me { username } }"
ALICE = {"me": {"username": "alice"}}
MINUTE = dt.timedelta(minutes=1)


def key_of(secret_key: str, purpose: str = "access-token") -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive_key(purpose, secret_key))


@pytest.fixture
def session(alice: User) -> Session:
    return make_session(alice)


@pytest.fixture
def claims(session: Session, settings: Any) -> dict[str, Any]:
    """Return what a token of ours says."""
    return {
        "iss": settings.PUBLIC_URL,
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
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "JWT"}
    said = jwt.decode(token, options={"verify_signature": False})
    assert said.keys() == {"iss", "sub", "sid", "iat", "exp"}
    assert said["sid"] == str(session.pk)
    assert said["exp"] - said["iat"] == settings.ACCESS_TOKEN_TTL.total_seconds()
    assert GraphQLClient(token)(ME).data == ALICE


def test_token_of_ours_is_taken(claims: dict[str, Any], key: Ed25519PrivateKey) -> None:
    assert GraphQLClient(jwt.encode(claims, key, algorithm="EdDSA"))(ME).data == ALICE


@pytest.mark.parametrize(
    "change",
    [
        {"exp": timezone.now() - MINUTE},
        {"exp": None},
        {"exp": "soon"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sid": None},
        {"sid": "x"},
        {"sid": str(uuid4())},
        {"sid": ""},
        {"nbf": timezone.now() + dt.timedelta(days=1)},
        {"iat": timezone.now() + dt.timedelta(days=1)},
    ],
    ids=" ".join,
)
def test_token_that_says_anything_else_is_refused(
    claims: dict[str, Any], key: Ed25519PrivateKey, change: dict[str, Any]
) -> None:
    said = {name: value for name, value in (claims | change).items() if value is not None}
    assert_refused(jwt.encode(said, key, algorithm="EdDSA"))


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
    assert_refused(jwt.encode(claims, secret, algorithm=algorithm))


def test_token_signed_with_another_key_is_refused(claims: dict[str, Any], settings: Any) -> None:
    for stranger in (
        Ed25519PrivateKey.generate(),
        key_of("another-secret-key-another-secret-key"),
        key_of(settings.SECRET_KEY, purpose="cursor"),
    ):
        assert_refused(jwt.encode(claims, stranger, algorithm="EdDSA"))


def test_token_outlives_a_change_of_the_secret_key(session: Session, settings: Any) -> None:
    token = issue_access_token(session)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "a-new-secret-key-a-new-secret-key-a-new"
    assert_refused(token)
    settings.SECRET_KEY_FALLBACKS = ["some-other-key-some-other-key-some-other", old]
    assert GraphQLClient(token)(ME).data == ALICE
    assert GraphQLClient(issue_access_token(session))(ME).data == ALICE


def test_token_ends_with_its_session(
    session: Session, client_of: Callable[[User], GraphQLClient]
) -> None:
    client = GraphQLClient(issue_access_token(session))
    other = client_of(session.user)
    assert client(ME).data == ALICE
    session.delete()
    assert client(ME).status == 401
    assert other(ME).data == ALICE
