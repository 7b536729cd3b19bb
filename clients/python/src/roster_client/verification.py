"""Verification of access tokens, for servers that accept them (``pip install roster-client[jwt]``).

A token is verified without a request; the end of its session is noticed when it expires.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import httpx
import jwt

from roster_client.errors import NetworkError, UnauthenticatedError
from roster_client.runtimes import AsyncioRuntime, Runtime, ThreadRuntime, run

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
CLAIMS: Final = ("iss", "aud", "sub", "sid", "iat", "exp")

TIMEOUT_SECONDS: Final = 3
# Keys are requested again after this, as `/.well-known/jwks.json` allows.
FRESH_SECONDS: Final = 300
# If the service cannot be reached, its keys are used longer: until all tokens have expired.
USABLE_SECONDS: Final = 900
# Between two requests for keys. Anyone can send tokens with unknown key ids.
PAUSE_SECONDS: Final = 5
MAX_KEYS: Final = 64


@dataclass(frozen=True)
class AccessToken:
    """The claims of a valid token; in an impersonation, also the administrator who acts."""

    user_id: UUID
    session_id: UUID
    issued_at: dt.datetime
    expires_at: dt.datetime
    impersonator_id: UUID | None


class TokenVerifier:
    """Verifies access tokens by the service's public keys, from any thread."""

    def __init__(
        self,
        issuer: str,
        *,
        audience: str | None = None,
        jwks_url: str | None = None,
        leeway: float = 5,
        http: httpx.Client | None = None,
    ) -> None:
        """Trust a service.

        - ``issuer`` is its PUBLIC_URL, which is also the ``audience``.
        - ``jwks_url`` has its keys, by default the issuer's ``/.well-known/jwks.json``.
        - ``leeway`` is how many seconds the clocks may differ.
        - ``http`` sends the requests.
        """
        runtime = ThreadRuntime(http or httpx.Client(timeout=TIMEOUT_SECONDS))
        self._verification = _Verification(runtime, issuer, audience, jwks_url, leeway)

    def verify(self, token: str) -> AccessToken:
        """Return the claims of a valid token.

        Raises `UnauthenticatedError`, or `NetworkError` if there are no keys.
        """
        return run(self._verification.verify(token))


class AsyncTokenVerifier:
    """`TokenVerifier` for asyncio, in one event loop."""

    def __init__(
        self,
        issuer: str,
        *,
        audience: str | None = None,
        jwks_url: str | None = None,
        leeway: float = 5,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """Trust a service.

        - ``issuer`` is its PUBLIC_URL, which is also the ``audience``.
        - ``jwks_url`` has its keys, by default the issuer's ``/.well-known/jwks.json``.
        - ``leeway`` is how many seconds the clocks may differ.
        - ``http`` sends the requests.
        """
        runtime = AsyncioRuntime(http or httpx.AsyncClient(timeout=TIMEOUT_SECONDS))
        self._verification = _Verification(runtime, issuer, audience, jwks_url, leeway)

    async def verify(self, token: str) -> AccessToken:
        """Return the claims of a valid token.

        Raises `UnauthenticatedError`, or `NetworkError` if there are no keys.
        """
        return await self._verification.verify(token)


class _Verification:
    """The rules of an access token."""

    def __init__(
        self,
        runtime: Runtime,
        issuer: str,
        audience: str | None,
        jwks_url: str | None,
        leeway: float,
    ) -> None:
        # As the service does with its PUBLIC_URL.
        self._issuer = issuer.rstrip("/")
        self._audience = audience or self._issuer
        self._leeway = leeway
        self._keys = _Keys(runtime, jwks_url or f"{self._issuer}/.well-known/jwks.json")

    async def verify(self, token: str) -> AccessToken:
        try:
            header = jwt.get_unverified_header(token)
            # RFC 9068, section 2.1: other JWTs of the issuer are not access tokens.
            kid = str(header.get("kid")) if header.get("typ") == TYPE else ""
            claims = jwt.decode(
                token,
                await self._keys.find(kid),
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway,
                options={"require": list(CLAIMS)},
            )
            return _access_token(claims)
        except (jwt.InvalidTokenError, ValueError) as error:
            raise UnauthenticatedError("The access token is invalid.") from error


class _Keys:
    """The public keys of a service, requested when they are old or one is unknown."""

    def __init__(self, runtime: Runtime, url: str) -> None:
        self._runtime = runtime
        self._url = url
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._updated_at = self._requested_at = -math.inf
        self._requesting = runtime.shared_task()

    async def find(self, kid: str) -> jwt.PyJWK:
        """Return a key. Raises `jwt.InvalidTokenError` if it is unknown, or `NetworkError`."""
        is_stale = time.monotonic() - self._updated_at >= FRESH_SECONDS or kid not in self._keys
        if is_stale and time.monotonic() - self._requested_at >= PAUSE_SECONDS:
            with suppress(NetworkError):
                await self._requesting(self._request)
        if time.monotonic() - self._updated_at >= USABLE_SECONDS:
            raise NetworkError("The keys of the service cannot be requested.")
        if kid not in self._keys:
            raise jwt.InvalidTokenError("The key of the token is unknown.")
        return self._keys[kid]

    async def _request(self) -> None:
        try:
            # The next request is minutes away, and a verifier is never closed.
            response = await self._runtime.send("GET", self._url, headers={"Connection": "close"})
            self._keys = _keys_of(response)
            self._updated_at = time.monotonic()
        finally:
            self._requested_at = time.monotonic()


def _keys_of(response: httpx.Response) -> dict[str, jwt.PyJWK]:
    """Return the Ed25519 keys of a JWK Set (RFC 7517, RFC 8037)."""
    try:
        response.raise_for_status()
        return {
            key["kid"]: jwt.PyJWK(key, ALGORITHM)
            for key in response.json()["keys"][:MAX_KEYS]
            if (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig")
        }
    except (httpx.HTTPStatusError, jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise NetworkError("The response is not the keys of the service.") from error


def _access_token(claims: Mapping[str, Any]) -> AccessToken:
    impersonator = claims.get("act")
    return AccessToken(
        user_id=UUID(claims["sub"]),
        session_id=UUID(claims["sid"]),
        issued_at=dt.datetime.fromtimestamp(claims["iat"], dt.timezone.utc),
        expires_at=dt.datetime.fromtimestamp(claims["exp"], dt.timezone.utc),
        impersonator_id=UUID(impersonator["sub"]) if impersonator else None,
    )
