"""Documents that a request identifies: trusted ones, and automatic persisted queries (APQ).

`documentId` names a trusted document. `extensions.persistedQuery.sha256Hash` is Apollo's protocol,
which urql speaks as well: a client first sends the SHA-256 alone, and the text with it if the
server does not have the document. What the texts of the errors say is part of that protocol.

With `DOCUMENTS=trusted`, a client that may not ask freely executes trusted documents only, by id or
by text. Automatic persisted queries never count as trusted.
"""

import sys
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from graphql import GraphQLError
from prometheus_client import Counter

from core.cached_settings import settings
from core.ratelimit.in_memory import MemoryBuckets
from core.security.actor import Actor
from engine.caches import SizedCache
from engine.sql.leading import run_leading
from schema.console.documents import CONSOLE_DOCUMENTS
from schema.errors import RequestErrorCode, request_error
from schema.http.answers.execution import CACHE
from schema.http.bad_requests import BadRequestError
from schema.trusted.identifiers import canonical_id, digest_of, is_digest, is_document_id
from schema.trusted.lookup import trusted_text

MAX_AUTOMATIC_BYTES: Final = 16 << 20
ENTRY_BYTES: Final = 500
VERSION: Final = 1
# Texts that a process puts into the shared cache, where each stays for `SHARED_CACHE_SECONDS`.
STORED_BYTES_PER_MINUTE: Final = 1_000_000
MINUTE: Final = 60.0

# Automatic persisted queries, by their SHA-256 in hexadecimal.
AUTOMATIC: Final[SizedCache[str]] = SizedCache(
    MAX_AUTOMATIC_BYTES, lambda text: ENTRY_BYTES + sys.getsizeof(text)
)
STORED: Final = MemoryBuckets(1)
LOOKUPS: Final = Counter(
    "persisted_documents", "Requests that identify their document, by result.", ["result"]
)
TRUSTED, IN_MEMORY, SHARED, ABSENT = map(LOOKUPS.labels, ("trusted", "memory", "shared", "absent"))


class PersistedId(NamedTuple):
    """How a request identifies its document."""

    # Canonical.
    key: str
    # Whether it is an automatic persisted query.
    is_automatic: bool

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> "PersistedId | None":
        """Return the id in a request's parameters, if any. Raises `BadRequestError`."""
        document_id = parameters.get("documentId")
        persisted = (parameters.get("extensions") or {}).get("persistedQuery")
        if document_id is None:
            return None if persisted is None else cls(_hash_in(persisted), is_automatic=True)
        if not is_document_id(document_id):
            raise BadRequestError("The parameter `documentId` must be the id of a document.")
        if parameters.get("query") is not None or persisted is not None:
            raise BadRequestError(
                "Send one of `query`, `documentId` and `extensions.persistedQuery`."
            )
        return cls(canonical_id(document_id), is_automatic=False)


def _hash_in(persisted: Any) -> str:
    if not isinstance(persisted, dict) or persisted.get("version") != VERSION:
        raise BadRequestError(
            f"`extensions.persistedQuery` must be an object of version {VERSION}."
        )
    key = persisted.get("sha256Hash")
    if not isinstance(key, str) or not is_document_id(key):
        raise BadRequestError("`extensions.persistedQuery.sha256Hash` must be a SHA-256.")
    return canonical_id(key)


def may_ask_freely(actor: Actor) -> bool:
    """Return whether the actor may execute documents that are not trusted."""
    allowed = settings.ANONYMOUS_DOCUMENTS if actor.user_id is None else settings.DOCUMENTS
    # Each API token has a scope.
    return bool(allowed == "any" or actor.is_staff or actor.token_id is not None)


def document_text(query: str, persisted: PersistedId | None, actor: Actor) -> str:
    """Return the text of a request's document: ``query``, or, if empty, by its id.

    Raises `GraphQLError` for an unknown document, for a SHA-256 that is not that of ``query``, and
    for a document that the actor may not execute.
    """
    is_free = may_ask_freely(actor)
    if persisted is not None and not query:
        return _find(persisted, is_free=is_free)
    if persisted is not None and digest_of(query) != persisted.key:
        raise request_error(
            RequestErrorCode.PERSISTED_QUERY_MISMATCH,
            "`sha256Hash` is not the SHA-256 of `query`. Hash the text as it is sent, in UTF-8.",
        )
    if not is_free and _trusted(digest_of(query)) is None:
        raise _not_trusted()
    return query


def _trusted(key: str) -> str | None:
    return CONSOLE_DOCUMENTS.get(key) or trusted_text(key)


def _find(persisted: PersistedId, *, is_free: bool) -> str:
    key = persisted.key
    is_automatic = persisted.is_automatic and is_free and is_digest(key)
    text = AUTOMATIC.get(key) if is_automatic else None
    if text is not None:
        IN_MEMORY.inc()
        return text
    text = _trusted(key)
    if text is not None:
        TRUSTED.inc()
        return text
    text = _read_shared(key) if is_automatic else None
    if text is not None:
        SHARED.inc()
        return text
    ABSENT.inc()
    raise _absent(persisted, is_free=is_free)


def _absent(persisted: PersistedId, *, is_free: bool) -> GraphQLError:
    if not persisted.is_automatic:
        return request_error(
            RequestErrorCode.DOCUMENT_NOT_FOUND,
            "No document with this `documentId` is trusted. Have an operator run"
            " `manage.py trust_documents` with the manifest of this release of the client.",
        )
    if not is_free:
        return _not_trusted()
    # urql compares the messages, Apollo Client also the codes.
    if CACHE.is_enabled:
        return request_error(RequestErrorCode.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
    return request_error(
        RequestErrorCode.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported"
    )


def _not_trusted() -> GraphQLError:
    return request_error(
        RequestErrorCode.DOCUMENT_NOT_TRUSTED,
        "Only trusted documents may be executed. Have an operator trust this one with"
        " `manage.py trust_documents`, or use the console as staff, or an API token.",
    )


def store_automatic(key: str, text: str) -> None:
    """Store a document that was executed under its SHA-256, for requests without the text.

    If it cannot be stored, or is evicted, clients send the text again.
    """
    if not CACHE.is_enabled or AUTOMATIC.get(key) is not None:
        return
    run_leading()
    AUTOMATIC.put(key, text)
    value = text.encode()
    interval = MINUTE * len(value) / STORED_BYTES_PER_MINUTE
    if not STORED.fill(None, interval=interval, capacity=MINUTE):
        CACHE.put(_shared_key(key), value)


def _read_shared(key: str) -> str | None:
    value = CACHE.get(_shared_key(key))
    if value is None:
        return None
    text = value.decode()
    AUTOMATIC.put(key, text)
    return text


def _shared_key(key: str) -> bytes:
    return blake2b(bytes.fromhex(key), person=b"document").digest()
