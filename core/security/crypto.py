"""Key derivation, encryption, and digests of random secrets."""

import hashlib
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.cached_settings import settings


class UnsealError(ValueError):
    """The text was not sealed with our keys for this purpose and context."""


@cache
def derive_key(purpose: str, secret_key: str, length: int = 32) -> bytes:
    """Return a key of ``length`` bytes for one purpose; cached by the process."""
    return _derive(purpose, secret_key, length)


@cache
def _cipher(purpose: str, secret_key: str) -> AESSIV:
    return AESSIV(derive_key(purpose, secret_key))


def seal(plaintext: bytes, *, purpose: str, context: str) -> str:
    """Encrypt and authenticate deterministically (AES-SIV, RFC 5297), as URL-safe text.

    Equal plaintexts in the same context give equal ciphertexts. That suits cursors, but not secrets
    whose equality must not be revealed.
    """
    cipher = _cipher(purpose, settings.SECRET_KEY)
    return urlsafe_b64encode(cipher.encrypt(plaintext, [context.encode()])).decode().rstrip("=")


def unseal(sealed: str, *, purpose: str, context: str) -> bytes:
    """Decrypt a text from `seal`, with SECRET_KEY or one of its fallbacks.

    Raises `UnsealError` for any other text, purpose or context.
    """
    try:
        data = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    except ValueError:
        raise UnsealError from None
    for secret_key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _cipher(purpose, secret_key).decrypt(data, [context.encode()])
        except (ValueError, InvalidTag):
            continue
    raise UnsealError


def encrypt_with_secret(secret: str, plaintext: str, *, purpose: str) -> bytes:
    """Encrypt for the holder of ``secret``, a `new_secret` of which only the digest is stored.

    The key is derived from the secret alone and not cached, so neither the database nor SECRET_KEY
    reveals the plaintext.
    """
    return AESSIV(_derive(purpose, secret)).encrypt(plaintext.encode(), None)


def decrypt_with_secret(secret: str, ciphertext: bytes, *, purpose: str) -> str:
    """Decrypt a text from `encrypt_with_secret`. Raises `UnsealError` for any other."""
    try:
        return AESSIV(_derive(purpose, secret)).decrypt(ciphertext, None).decode()
    except (ValueError, InvalidTag):
        raise UnsealError from None


def new_secret() -> str:
    """Return 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return the SHA-256 digest under which a `new_secret` is stored and looked up.

    The secret has 256 random bits, so a plain digest cannot be reversed by guessing.
    """
    return hashlib.sha256(secret.encode()).digest()


def _derive(purpose: str, secret: str, length: int = 32) -> bytes:
    """HKDF-SHA256 (RFC 5869)."""
    info = f"roster/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret.encode())
