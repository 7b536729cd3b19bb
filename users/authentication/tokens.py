"""Access tokens: EdDSA JWTs of minutes that name a session (RFC 7519, RFC 8037)."""

from functools import cache
from typing import Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone

from core.crypto import derive_key
from users.authentication.models import Session

ALGORITHM: Final = "EdDSA"


class AccessTokenError(Exception):
    """The token is not one of ours, or its minutes are over."""


@cache
def _signing_key(secret_key: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive_key("access-token", secret_key))


def issue_access_token(session: Session) -> str:
    """Return a bearer token for the session, valid for `settings.ACCESS_TOKEN_TTL`."""
    now = timezone.now()
    claims = {
        "iss": settings.PUBLIC_URL,
        "sub": str(session.user_id),
        "sid": str(session.pk),
        "iat": now,
        "exp": now + settings.ACCESS_TOKEN_TTL,
    }
    return jwt.encode(claims, _signing_key(settings.SECRET_KEY), algorithm=ALGORITHM)


def read_access_token(token: str) -> UUID:
    """Return the id of the session that the token names; the caller looks whether it lives.

    Tokens signed under one of `settings.SECRET_KEY_FALLBACKS` count. Raises `AccessTokenError`.
    """
    for secret_key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            claims = jwt.decode(
                token,
                _signing_key(secret_key).public_key(),
                algorithms=[ALGORITHM],
                issuer=settings.PUBLIC_URL,
                options={"require": ["exp", "sid"]},
            )
            return UUID(claims["sid"])
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidTokenError, ValueError):
            break
    raise AccessTokenError
