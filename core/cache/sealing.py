"""Values as a cache server holds them: compressed, encrypted, and bound to their name.

A cache server is often shared and rarely protected like PostgreSQL, so its content is untrusted
input, and what it holds of users outlives their erasure until it expires. AES-SIV (RFC 5297)
authenticates a value together with its name, and encrypts it, in little more time than a MAC.
"""

import zlib
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from core.cached_settings import settings
from core.security.crypto import derive_key

PLAIN, DEFLATED = b"\x00", b"\x01"
# Shorter values are not compressed: it takes 20 µs to save less than 500 bytes.
COMPRESSED_BYTES: Final = 1_000
# Level 1 takes half the time of the default, and its results are a tenth longer.
COMPRESSION_LEVEL: Final = 1
MAX_VALUE_BYTES: Final = 16_000_000


class UnusableEntryError(ValueError):
    """An entry holds no value that we stored under its name."""

    def __init__(self, reason: str) -> None:
        """Describe the entry; ``reason`` is a label of a metric."""
        super().__init__(reason)
        self.reason = reason


def seal(name: str, value: bytes) -> bytes:
    """Return the entry that holds a value of at most `MAX_VALUE_BYTES` under ``name``."""
    if len(value) < COMPRESSED_BYTES:
        form, data = PLAIN, value
    else:
        form, data = DEFLATED, zlib.compress(value, COMPRESSION_LEVEL)
    return _cipher(settings.SECRET_KEY).encrypt(form + data, [name.encode()])


def unseal(name: str, entry: object) -> bytes:
    """Return the value of an entry. Raises `UnusableEntryError` for any that is not ours."""
    if not isinstance(entry, bytes):
        raise UnusableEntryError("wrong_type")
    try:
        data = _cipher(settings.SECRET_KEY).decrypt(entry, [name.encode()])
    except (ValueError, InvalidTag):
        raise UnusableEntryError("not_authentic") from None
    if data[:1] == PLAIN:
        return data[1:]
    inflater = zlib.decompressobj()
    try:
        value = inflater.decompress(memoryview(data)[1:], MAX_VALUE_BYTES)
    except zlib.error:
        raise UnusableEntryError("not_inflatable") from None
    if not inflater.eof:
        raise UnusableEntryError("not_inflatable")
    return value


@cache
def _cipher(secret_key: str) -> AESSIV:
    return AESSIV(derive_key("shared cache values", secret_key, 64))
