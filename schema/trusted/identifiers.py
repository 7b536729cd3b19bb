"""Ids of documents, as the draft of GraphQL over HTTP defines them (appendix A)."""

import re
from hashlib import sha256
from typing import Final

MAX_LENGTH: Final = 200
PREFIX: Final = "sha256:"
# Unreserved characters, with or without a prefix.
_ID: Final = re.compile(r"[A-Za-z0-9._~-]+(?::[A-Za-z0-9._~-]+)?")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def is_document_id(value: object) -> bool:
    """Return whether a value has the form of an id."""
    return isinstance(value, str) and len(value) <= MAX_LENGTH and bool(_ID.fullmatch(value))


def canonical_id(document_id: str) -> str:
    """Return an id without the prefix of SHA-256, which only some tools write."""
    return document_id.removeprefix(PREFIX)


def is_digest(key: str) -> bool:
    """Return whether a canonical id is a SHA-256 in hexadecimal."""
    return bool(_SHA256.fullmatch(key))


def digest_of(text: str) -> str:
    """Return the SHA-256 of a document in hexadecimal, which is its canonical id."""
    return sha256(text.encode()).hexdigest()
