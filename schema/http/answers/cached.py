"""Answers in this process's memory and in the cache that all processes share.

An entry says which version its data has, and when it was computed. So a cache may return whatever
it has: the request decides whether that is usable.
"""

import struct
from base64 import urlsafe_b64encode
from hashlib import blake2b
from operator import attrgetter
from time import time
from typing import Any, Final, NamedTuple, Self, cast
from uuid import UUID

import orjson
from django.conf import settings
from prometheus_client import Counter, Gauge
from strawberry.types import ExecutionResult

from core.release import release_fingerprint
from engine.caches import SizedCache
from schema.http.answers.requested import Key

# Estimated bytes of an entry besides its data, and of a key of an entity.
ENTRY_BYTES: Final = 600
ENTITY_BYTES: Final = 120
# Of an entry in the shared cache: its version, and when it was computed.
HEAD: Final = struct.Struct(">qd")
# A multiple of three, so that its text has no padding.
KEY_BYTES: Final = 24


class Answer(NamedTuple):
    """The data of an answer without errors, as JSON, and what it depends on.

    ``version`` is that of the ``entities`` before the answer was computed, which was at the Unix
    time ``computed_at`` and took ``seconds``. Without ``data``, it was asked for, and not cached.
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
        """Return the answer of a shared entry; None for one of another form."""
        if len(value) <= HEAD.size:
            return None
        version, computed_at = HEAD.unpack_from(value)
        return cls(value[HEAD.size :], frozenset(), version, computed_at, 0.0)

    def to_bytes(self) -> bytes:
        """Return the entry for the shared cache."""
        return HEAD.pack(self.version, self.computed_at) + self.data

    @property
    def size(self) -> int:
        """The estimated bytes."""
        return ENTRY_BYTES + len(self.data) + ENTITY_BYTES * len(self.entities)

    def is_current(self, version: int) -> bool:
        """Return whether the answer shows the entities' current version."""
        return bool(self.data) and self.version == version

    def age(self) -> float:
        """Return the seconds since the answer was computed."""
        return max(0.0, time() - self.computed_at)

    def result(self) -> ExecutionResult:
        """Return the result of the operation."""
        return ExecutionResult(data=cast("Any", orjson.Fragment(self.data)), errors=None)


NOT_CACHED: Final = Answer(b"", frozenset(), 0, 0.0, 0.0)
EVICTED: Final = Counter("graphql_cached_answers_evicted", "Answers evicted to free memory.")
ANSWERS: Final[SizedCache[Answer]] = SizedCache(
    settings.ANSWER_CACHE_MB << 20, attrgetter("size"), EVICTED.inc
)
BYTES: Final = Gauge(
    "graphql_cached_answers_bytes",
    "Estimated memory of cached answers.",
    multiprocess_mode="livesum",
)


def cache(key: Key, answer: Answer) -> None:
    """Cache an answer in this process."""
    ANSWERS.put(key, answer)
    BYTES.set(ANSWERS.size)


def shared_key(key: Key, version: int) -> bytes:
    """Return the key of an answer in the shared cache, the same in each process.

    With the version, processes that still answer an earlier one replace nothing.
    """
    return _digest(key, version)


def etag_of(key: Key, version: int, media_type: str) -> str:
    """Return the weak entity tag of an answer (RFC 9110, section 8.8.3), without computing it."""
    text = urlsafe_b64encode(_digest(key, version, media_type, release_fingerprint())).decode()
    return f'W/"{text}"'


def _digest(key: Key, *more: Any) -> bytes:
    # A set has another order in each process.
    visibility = [sorted(each) if isinstance(each, frozenset) else each for each in key.visibility]
    parts = (key.digest.hex(), key.language, str(key.user_id), visibility, key.may_be_stale, *more)
    return blake2b(repr(parts).encode(), digest_size=KEY_BYTES).digest()
