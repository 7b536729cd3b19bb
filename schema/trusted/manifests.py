"""Manifests of documents, as graphql-codegen, Relay and Apollo write them.

graphql-codegen's client preset and Relay's compiler write a JSON object from ids to texts, Apollo's
generator a list of operations.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from schema.trusted.identifiers import (
    PREFIX,
    canonical_id,
    digest_of,
    is_digest,
    is_document_id,
)

APOLLO: Final = "apollo-persisted-query-manifest"
APOLLO_VERSION: Final = 1


class ManifestError(ValueError):
    """The file is no manifest, or has an entry that is not valid."""


class Entry(NamedTuple):
    """A document of a manifest, by its id as it is written there."""

    id: str
    text: str
    # Of Apollo's operations; the others have none.
    name: str | None = None

    @property
    def key(self) -> str:
        """The canonical id."""
        return canonical_id(self.id)

    def __str__(self) -> str:
        """Return what identifies the document in a message."""
        return f"{self.name} ({self.id})" if self.name else self.id


def read_manifest(path: Path) -> list[Entry]:
    """Return the documents of a manifest. Raises `ManifestError`."""
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise ManifestError(f"is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise ManifestError("is no manifest of graphql-codegen, Relay or Apollo: no JSON object")
    is_apollo = content.get("format") == APOLLO
    entries = list(_operations(content) if is_apollo else _texts(content))
    if not entries:
        raise ManifestError("has no documents")
    return entries


def _texts(content: dict[str, Any]) -> Iterator[Entry]:
    for document_id, text in content.items():
        yield _entry(document_id, text)


def _operations(content: dict[str, Any]) -> Iterator[Entry]:
    operations = content.get("operations")
    if content.get("version") != APOLLO_VERSION or not isinstance(operations, list):
        raise ManifestError(f"is no manifest of Apollo's version {APOLLO_VERSION}")
    for operation in operations:
        if not isinstance(operation, dict):
            raise ManifestError("has an operation that is no JSON object")
        name = operation.get("name")
        named = name if isinstance(name, str) else None
        yield _entry(operation.get("id"), operation.get("body"), named)


def _entry(document_id: Any, text: Any, name: str | None = None) -> Entry:
    if not is_document_id(document_id):
        raise ManifestError(f"{str(document_id)[:100]!r} is no id of a document")
    if not isinstance(text, str):
        raise ManifestError(f"{document_id}: its document is no text")
    entry = Entry(document_id, text, name)
    is_hash = document_id.startswith(PREFIX) or is_digest(entry.key)
    if is_hash and entry.key != digest_of(text):
        raise ManifestError(f"{entry}: the id is not the SHA-256 of its document")
    return entry
