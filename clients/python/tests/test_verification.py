"""Verification of access tokens, of a service and of an issuer of our own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm

from roster_client import NetworkError, UnauthenticatedError, verification
from roster_client.verification import AsyncTokenVerifier, TokenVerifier
from tests.service import KINDS, Awaited, Clients


class Issuer:
    """An issuer of access tokens, and the server of its keys."""

    def __init__(self) -> None:
        self.keys: dict[str, Ed25519PrivateKey] = {}
        self.additional: list[dict[str, Any]] = []
        self.requests = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests += 1
                is_found = self.path == "/.well-known/jwks.json"
                self.send_response(200 if is_found else 404)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": issuer.jwks()}).encode())

            def log_message(self, *_arguments: object) -> None:
                pass

        return Handler

    def jwks(self) -> list[dict[str, Any]]:
        keys = [
            {**OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
            for kid, key in self.keys.items()
        ]
        return [*self.additional, *keys]

    def add_key(self, kid: str) -> None:
        self.keys[kid] = Ed25519PrivateKey.generate()

    def claims(self, **claims: object) -> dict[str, object]:
        """Return valid claims with these changes; a timedelta counts from now."""
        now = int(time.time())
        changes = {
            name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
            for name, value in claims.items()
        }
        return {
            "iss": self.url,
            "aud": self.url,
            "sub": str(uuid4()),
            "sid": str(uuid4()),
            "iat": now,
            "exp": now + 600,
        } | changes

    def token(self, kid: str = "first", typ: str = "at+jwt", **claims: object) -> str:
        key = self.keys.get(kid) or Ed25519PrivateKey.generate()
        headers = {"kid": kid, "typ": typ}
        return jwt.encode(self.claims(**claims), key, algorithm="EdDSA", headers=headers)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    issuer.add_key("first")
    yield issuer
    issuer.stop()


def verifier_of(kind: str, url: str, **options: Any) -> TokenVerifier:
    if kind == "sync":
        return TokenVerifier(url, **options)
    return cast("TokenVerifier", Awaited(AsyncTokenVerifier(url, **options)))


@pytest.fixture(params=KINDS)
def verifier(request: pytest.FixtureRequest, issuer: Issuer) -> TokenVerifier:
    return verifier_of(request.param, issuer.url)


def access_token_of(clients: Clients) -> str:
    """Return the access token that a sign-in has stored."""
    text = clients.service.storages[clients.named("alice")]
    tokens: dict[str, str] = json.loads(text)
    return tokens["access_token"]


def test_token_of_the_service_is_valid(clients: Clients) -> None:
    token = access_token_of(clients)
    verifier = verifier_of(clients.kind, clients.service.issuer)

    verified = verifier.verify(token)

    claims = jwt.decode(token, options={"verify_signature": False})
    assert verified.user_id == UUID(claims["sub"])
    assert verified.session_id == UUID(claims["sid"])
    assert (verified.expires_at - verified.issued_at).total_seconds() == 600
    assert verified.impersonator_id is None


@pytest.mark.parametrize("part", [0, 1, 2])
def test_tampered_token_of_the_service_is_refused(clients: Clients, part: int) -> None:
    parts = access_token_of(clients).split(".")
    middle = len(parts[part]) // 2
    other = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + other + parts[part][middle + 1 :]
    verifier = verifier_of(clients.kind, clients.service.issuer)

    with pytest.raises(UnauthenticatedError):
        verifier.verify(".".join(parts))


def test_impersonation_names_the_administrator(issuer: Issuer, verifier: TokenVerifier) -> None:
    administrator = uuid4()

    token = issuer.token(act={"sub": str(administrator)})

    assert verifier.verify(token).impersonator_id == administrator


@pytest.mark.parametrize("kind", KINDS)
def test_slash_at_the_end_of_the_issuer_is_ignored(kind: str, issuer: Issuer) -> None:
    assert verifier_of(kind, f"{issuer.url}/").verify(issuer.token())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "https://elsewhere.example"},
        {"typ": "JWT"},
        {"exp": timedelta(minutes=-1)},
        {"iat": timedelta(minutes=1)},
        {"sid": None},
        {"sub": "alice"},
        {"kid": "unknown"},
    ],
    ids=str,
)
def test_other_tokens_are_refused(
    issuer: Issuer, verifier: TokenVerifier, changes: dict[str, Any]
) -> None:
    assert verifier.verify(issuer.token())

    with pytest.raises(UnauthenticatedError):
        verifier.verify(issuer.token(**changes))


def test_other_algorithms_are_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    public = issuer.keys["first"].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    headers = {"kid": "first", "typ": "at+jwt"}
    tokens = [
        jwt.encode(issuer.claims(), public, algorithm="HS256", headers=headers),
        jwt.encode(issuer.claims(), "", algorithm="none", headers=headers),
    ]

    for token in tokens:
        with pytest.raises(UnauthenticatedError):
            verifier.verify(token)


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "é.é.é", "roster_token"])
def test_other_texts_are_refused(verifier: TokenVerifier, text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        verifier.verify(text)


def test_keys_of_other_kinds_are_ignored(issuer: Issuer, verifier: TokenVerifier) -> None:
    issuer.additional = [
        {"kty": "oct", "crv": None, "use": "sig", "kid": "first", "k": "c2VjcmV0"},
        {"kty": "OKP", "crv": "X25519", "use": "enc", "kid": "other", "x": "c2VjcmV0"},
    ]

    assert verifier.verify(issuer.token())


def test_unknown_key_ids_cause_few_requests(issuer: Issuer, verifier: TokenVerifier) -> None:
    assert verifier.verify(issuer.token())

    for number in range(100):
        with pytest.raises(UnauthenticatedError):
            verifier.verify(issuer.token(f"unknown-{number}"))

    assert issuer.requests == 1


def test_new_key_is_found_after_the_pause(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verifier.verify(issuer.token())
    issuer.add_key("second")
    with pytest.raises(UnauthenticatedError):
        verifier.verify(issuer.token("second"))

    monkeypatch.setattr(verification, "PAUSE_SECONDS", 0)

    assert verifier.verify(issuer.token("second"))
    assert verifier.verify(issuer.token("second"))
    assert issuer.requests == 2


def test_removed_key_is_refused_once_the_keys_are_old(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token()
    assert verifier.verify(token)
    del issuer.keys["first"]
    assert verifier.verify(token)

    monkeypatch.setattr(verification, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(verification, "FRESH_SECONDS", 0)

    with pytest.raises(UnauthenticatedError):
        verifier.verify(token)


def test_known_keys_outlive_the_service(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token()
    assert verifier.verify(token)
    issuer.stop()
    monkeypatch.setattr(verification, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(verification, "FRESH_SECONDS", 0)
    assert verifier.verify(token)

    monkeypatch.setattr(verification, "USABLE_SECONDS", 0)

    with pytest.raises(NetworkError):
        verifier.verify(token)


@pytest.mark.parametrize("kind", KINDS)
def test_service_without_keys_is_a_network_error(kind: str, issuer: Issuer) -> None:
    verifier = verifier_of(kind, issuer.url, jwks_url=f"{issuer.url}/elsewhere")

    for _attempt in range(3):
        with pytest.raises(NetworkError):
            verifier.verify(issuer.token())

    assert issuer.requests == 1
