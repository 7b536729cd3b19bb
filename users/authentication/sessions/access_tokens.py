"""Access tokens: short-lived EdDSA JWTs that reference a session (RFC 7519, RFC 8037)."""

import hashlib
import time
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache, lru_cache
from threading import Lock
from typing import Any, Final
from uuid import UUID

import jwt
import orjson
from cachetools import TLRUCache
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.utils import timezone
from jwt.algorithms import OKPAlgorithm
from jwt.utils import base64url_encode

from core.cached_settings import settings
from core.errors import InvalidTokenError
from core.security.crypto import derive_key
from users.authentication.models import Session

ALGORITHM: Final = "EdDSA"
# RFC 9068, section 2.1: keeps other JWTs of this issuer from being accepted as access tokens.
TYPE: Final = "at+jwt"
# Seconds that the clock of the pod that issued a token may be ahead of this one's. Not for `exp`,
# which is the same moment for all.
CLOCK_LEEWAY: Final = 10
CLAIMS: Final = ("iss", "aud", "sub", "sid", "iat", "exp")


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """The claims of a valid token; ``expires_at`` in seconds since the epoch."""

    session_id: UUID
    expires_at: int


VerifiedTokens = TLRUCache[Hashable, VerifiedToken]


def verified_token_cache(size: int) -> VerifiedTokens:
    """Return an LRU cache of ``size`` tokens, each until it expires."""
    return TLRUCache(size, ttu=lambda _key, token, _now: token.expires_at, timer=time.time)


verified_tokens = verified_token_cache(10_000)
_verified_tokens_lock = Lock()


class AccessTokenError(InvalidTokenError):
    """The token is invalid or expired, or its session has ended."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair, derived from a secret key of the service."""

    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    # The public key in JWK format (RFC 8037).
    jwk: dict[str, Any]
    # The JWK thumbprint (RFC 7638), which PyJWT does not compute.
    kid: str


@cache
def _key(secret_key: str) -> Key:
    private = Ed25519PrivateKey.from_private_bytes(derive_key("access-token", secret_key))
    public = private.public_key()
    jwk = OKPAlgorithm.to_jwk(public, as_dict=True)
    thumbprint = hashlib.sha256(orjson.dumps(jwk, option=orjson.OPT_SORT_KEYS)).digest()
    return Key(private, public, jwk, base64url_encode(thumbprint).decode())


@lru_cache(maxsize=16)
def _keys(*secret_keys: str) -> dict[str, Key]:
    return {key.kid: key for key in map(_key, secret_keys)}


def _current_keys() -> dict[str, Key]:
    """Return the keys by key id, the signing key first."""
    return _keys(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


def public_keys() -> dict[str, Any]:
    """Return the public keys that verify access tokens, as a JWK Set (RFC 7517)."""
    return {
        "keys": [
            key.jwk | {"kid": key.kid, "use": "sig", "alg": ALGORITHM}
            for key in _current_keys().values()
        ]
    }


def issue_access_token(session: Session) -> str:
    """Return a bearer token for the session, valid for `settings.ACCESS_TOKEN_TTL`.

    In an impersonation it names the administrator (`act`, RFC 8693, section 4.1) and expires with
    the session at the latest.
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
    """Return the id of the token's session; the caller checks that the session is active.

    Tokens signed under one of `settings.SECRET_KEY_FALLBACKS` are valid. A verified token is cached
    in this process until it expires. Raises `AccessTokenError`.
    """
    keys = _current_keys()
    # Every input of the verification, with a digest in place of the token.
    cache_key = (hashlib.sha256(token.encode()).digest(), settings.PUBLIC_URL, *keys)
    with _verified_tokens_lock:
        # `TLRUCache.get` would look up the key twice.
        try:
            return verified_tokens[cache_key].session_id
        except KeyError:
            pass
    verified = verify_access_token(token, keys)
    with _verified_tokens_lock:
        verified_tokens[cache_key] = verified
    return verified.session_id


def verify_access_token(token: str, keys: dict[str, Key]) -> VerifiedToken:
    """Verify the signature and all claims, and return the token's session and expiry.

    The `kid` header selects the key. Raises `AccessTokenError`.
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
            options={"require": list(CLAIMS), "verify_iat": False},
        )
        if int(claims["iat"]) > time.time() + CLOCK_LEEWAY:
            raise AccessTokenError
        return VerifiedToken(UUID(claims["sid"]), int(claims["exp"]))
    except (jwt.InvalidTokenError, TypeError, ValueError):
        raise AccessTokenError from None
