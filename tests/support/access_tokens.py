"""Access tokens that tests sign, also wrongly."""

import base64
import hashlib
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.security.crypto import derive_key


def key_of(secret_key: str, purpose: str = "access-token") -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive_key(purpose, secret_key))


def kid_of(key: Ed25519PrivateKey) -> str:
    """Return the public key's thumbprint (RFC 8037, appendix A.3)."""
    x = base64url(key.public_key().public_bytes_raw())
    text = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    return base64url(hashlib.sha256(text.encode()).digest())


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed(claims: dict[str, Any], key: Ed25519PrivateKey, **header: Any) -> str:
    """Sign like the service, with overrides of the header; None omits a field."""
    headers = {"typ": "at+jwt", "kid": kid_of(key)} | header
    kept = {name: value for name, value in headers.items() if value is not None}
    return jwt.encode(claims, key, algorithm="EdDSA", headers=kept)
