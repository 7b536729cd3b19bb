"""Access tokens: EdDSA JWTs of minutes that name a session (RFC 7519, RFC 8037)."""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final
from uuid import UUID

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.utils import timezone

from core.crypto import derive_key
from users.authentication.memory import ExpiringMemory
from users.authentication.models import Session

ALGORITHM: Final = "EdDSA"
# RFC 9068, section 2.1: no other JWT of ours can pass for an access token.
TYPE: Final = "at+jwt"
CLAIMS: Final = ("iss", "aud", "sub", "sid", "iat", "exp")

verified_tokens: ExpiringMemory[UUID] = ExpiringMemory(size=10_000)


class AccessTokenError(Exception):
    """The token is not one of ours, or its minutes are over."""


@dataclass(frozen=True, slots=True)
class Key:
    """A pair of keys, derived from a secret key of the service."""

    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    # As RFC 8037 writes the public key.
    members: dict[str, str]
    # The thumbprint of those (RFC 7638).
    kid: str


@cache
def _key(secret_key: str) -> Key:
    private = Ed25519PrivateKey.from_private_bytes(derive_key("access-token", secret_key))
    public = private.public_key()
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public.public_bytes_raw())}
    thumbprint = hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()
    return Key(private, public, members, _base64url(thumbprint))


@lru_cache(maxsize=16)
def _keys(*secret_keys: str) -> dict[str, Key]:
    return {key.kid: key for key in map(_key, secret_keys)}


def _current_keys() -> dict[str, Key]:
    """Return the keys by their ids; the one that signs comes first."""
    return _keys(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


def public_keys() -> dict[str, Any]:
    """Return the keys that access tokens are verified with, as a JWK Set (RFC 7517)."""
    return {
        "keys": [
            key.members | {"kid": key.kid, "use": "sig", "alg": ALGORITHM}
            for key in _current_keys().values()
        ]
    }


def issue_access_token(session: Session) -> str:
    """Return a bearer token for the session, valid for `settings.ACCESS_TOKEN_TTL`.

    That of an administrator who acts in the person's name says so (`act`, RFC 8693, section 4.1),
    and is valid no longer than that lasts.
    """
    now = timezone.now()
    claims: dict[str, Any] = {
        "iss": settings.PUBLIC_URL,
        "aud": settings.PUBLIC_URL,
        "sub": str(session.user_id),
        "sid": str(session.pk),
        "iat": now,
        "exp": now + settings.ACCESS_TOKEN_TTL,
    }
    if session.impersonator_id:
        claims["act"] = {"sub": str(session.impersonator_id)}
        claims["exp"] = min(claims["exp"], session.expires_at)
    key = _key(settings.SECRET_KEY)
    return jwt.encode(
        claims, key.private, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": key.kid}
    )


def read_access_token(token: str) -> UUID:
    """Return the id of the session that the token names; the caller looks whether it lives.

    Tokens signed under one of `settings.SECRET_KEY_FALLBACKS` count. What was verified is
    remembered in this process until it expires. Raises `AccessTokenError`.
    """
    keys = _current_keys()
    # All that the verification depends on, and not the token itself.
    name = (hashlib.sha256(token.encode()).digest(), settings.PUBLIC_URL, *keys)
    session_id = verified_tokens.get(name)
    if session_id is None:
        session_id, expires_at = verify_access_token(token, keys)
        verified_tokens.put(name, session_id, expires_at=expires_at)
    return session_id


def verify_access_token(token: str, keys: dict[str, Key]) -> tuple[UUID, int]:
    """Return the token's session and expiry, having verified all it says.

    The key is the one that the token names. Raises `AccessTokenError`.
    """
    try:
        header = jwt.get_unverified_header(token)
        key = keys.get(header.get("kid", ""))
        if key is None or header.get("typ") != TYPE:
            raise AccessTokenError
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            issuer=settings.PUBLIC_URL,
            audience=settings.PUBLIC_URL,
            options={"require": list(CLAIMS)},
        )
        return UUID(claims["sid"]), int(claims["exp"])
    except (jwt.InvalidTokenError, ValueError):
        raise AccessTokenError from None


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
