"""Answers in this process's memory and in the cache that all processes share.

An entry says which version its data has, and when it was computed. So a cache may return whatever
it has: the request decides whether that is usable.
"""

import struct
from base64 import urlsafe_b64encode
from hashlib import blake2b
from operator import attrgetter
from time import monotonic, time
from typing import Any, Final, NamedTuple, Self, cast
from uuid import UUID

import orjson
from django.conf import settings
from prometheus_client import Counter, Gauge
from strawberry.types import ExecutionResult

from core.release import release_fingerprint
from engine.caches import SizedCache

# Estimated bytes of an entry besides its data, and of a key of an entity.
ENTRY_BYTES: Final = 800
ENTITY_BYTES: Final = 200
# An answer of more than this part of the memory is not cached.
LARGEST_SHARE: Final = 32
# Of an entry in the shared cache: its version, and the Unix time when it was computed.
HEAD: Final = struct.Struct(">qd")


class Answer(NamedTuple):
    """The data of an answer without errors, as JSON, and what it depends on.

    ``version`` is that of the ``entities`` before the answer was computed, which was at the
    monotonic time ``computed_at`` and took ``seconds``. Without ``data``, the answer was asked for,
    and not cached.
    """

    data: bytes
    entities: frozenset[UUID]
    version: int
    computed_at: float
    seconds: float

    @classmethod
    def of(
        cls, data: Any, entities: frozenset[UUID], version: int, computed_at: float, seconds: float
    ) -> Self | None:
        """Return the answer with this data; None if the data is not JSON."""
        try:
            # orjson's bytes take several kilobytes more than their length: a copy does not.
            text = bytes(memoryview(orjson.dumps(data)))
        except orjson.JSONEncodeError:
            return None
        return cls(text, entities, version, computed_at, seconds)

    @classmethod
    def from_bytes(cls, value: bytes) -> Self | None:
        """Return the answer of a shared entry; None for one that is not usable.

        Its age is that by the clocks of both processes, so one whose clock is ahead shares nothing.
        """
        if len(value) <= HEAD.size:
            return None
        version, computed_at = HEAD.unpack_from(value)
        age = time() - computed_at
        if age < 0:
            return None
        return cls(value[HEAD.size :], frozenset(), version, monotonic() - age, 0.0)

    def to_bytes(self) -> bytes:
        """Return the entry for the shared cache."""
        return HEAD.pack(self.version, time() - self.age()) + self.data

    @property
    def size(self) -> int:
        """The estimated bytes."""
        return ENTRY_BYTES + len(self.data) + ENTITY_BYTES * len(self.entities)

    def is_usable(self, version: int, max_age: int | None) -> bool:
        """Return whether the answer shows the entities' current version, and is young enough."""
        is_current = bool(self.data) and self.version == version
        return is_current and (max_age is None or self.age() <= max_age)

    def age(self) -> float:
        """Return the seconds since the answer was computed."""
        return monotonic() - self.computed_at

    def result(self) -> ExecutionResult:
        """Return the result of the operation."""
        return ExecutionResult(data=cast("Any", orjson.Fragment(self.data)), errors=None)


NOT_CACHED: Final = Answer(b"", frozenset(), 0, 0.0, 0.0)
EVICTED: Final = Counter("graphql_cached_answers_evicted", "Answers evicted to free memory.")
MEMORY: Final = settings.ANSWER_CACHE_MB << 20
# One part of so many is for the requests that had these answers.
REQUESTS_SHARE: Final = 8
ANSWERS: Final[SizedCache[Answer]] = SizedCache(
    MEMORY - MEMORY // REQUESTS_SHARE, attrgetter("size"), EVICTED.inc
)
BYTES: Final = Gauge(
    "graphql_cached_answers_bytes",
    "Estimated memory of cached answers.",
    multiprocess_mode="livesum",
)


def cache(key: bytes, answer: Answer) -> None:
    """Cache an answer in this process, unless it would evict too many others."""
    if answer.size <= ANSWERS.max_size // LARGEST_SHARE:
        ANSWERS.put(key, answer)
        BYTES.set(ANSWERS.size)


def stale_key(key: bytes) -> bytes:
    """Return the key of an answer that may be stale, of one that may not."""
    return blake2b(b"stale", key=key, digest_size=len(key)).digest()


def with_version(key: bytes, version: int, *more: bytes) -> bytes:
    """Return the digest of a key together with a version and more."""
    parts = (version.to_bytes(8, signed=True), *more)
    return blake2b(b"".join(parts), key=key, digest_size=len(key)).digest()


def etag_of(key: bytes, version: int, media_type: str) -> str:
    """Return the weak entity tag of an answer (RFC 9110, section 8.8.3), without computing it."""
    digest = with_version(key, version, release_fingerprint(), media_type.encode())
    return f'W/"{urlsafe_b64encode(digest).decode()}"'
