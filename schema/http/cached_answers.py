"""Answers that are cached with the version of what they depend on.

An answer is cached with its second request, so that those that never repeat cost nothing. It is
served while PostgreSQL still has the version that was read before the answer was computed. So a
hit costs one short statement, which goes out with the session's, and is never stale.
"""

from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import orjson
from django.conf import settings
from django.utils.translation import get_language
from graphql import GraphQLError
from prometheus_client import Counter
from strawberry.types import ExecutionResult

from core.versions.lookup import read_version
from engine.caches import SizedCache
from engine.fields.dependencies import NotCacheableError
from engine.internals.django import thread_connection
from engine.operation import CompiledOperation
from engine.plan.selection import NotPlannableError
from schema.context import Context
from schema.entities import SINGLE

LOOKUPS: Final = Counter(
    "graphql_cached_answers", "Operations that can be cached, by result.", ["result"]
)
FIRST, MISS, HIT, STALE = map(LOOKUPS.labels, ("first", "miss", "hit", "stale"))
# Estimated bytes of an entry besides its data, and of a key of an entity.
ENTRY_BYTES: Final = 500
ENTITY_BYTES: Final = 120
DIGEST_BYTES: Final = 16


class CachedAnswer(NamedTuple):
    """The data of an answer without errors, as JSON, and what it depends on."""

    data: bytes
    entities: frozenset[UUID]
    # Of the entities, before the answer was computed.
    version: int

    @property
    def size(self) -> int:
        """The estimated bytes."""
        return ENTRY_BYTES + len(self.data) + ENTITY_BYTES * len(self.entities)


# Of a key that was asked for once.
SEEN: Final = CachedAnswer(b"", frozenset(), 0)
ANSWERS: Final[SizedCache[CachedAnswer]] = SizedCache(
    settings.ANSWER_CACHE_MB << 20, lambda answer: answer.size
)


class Asked(NamedTuple):
    """An operation, as a request has it."""

    operation: CompiledOperation
    source: str
    name: str | None
    variables: dict[str, Any] | None


def execute_cached(
    asked: Asked, context: Context, execute: Callable[[], ExecutionResult]
) -> ExecutionResult:
    """Return the cached answer of an operation, or else that of ``execute``."""
    key = _key(asked, context) if _may_be_cached(asked, context) else None
    if key is None:
        return execute()
    known = ANSWERS.get(key)
    if known is None:
        if asked.operation.is_cacheable or _entities(asked, context):
            FIRST.inc()
            ANSWERS.put(key, SEEN)
        return execute()
    entities = known.entities or _entities(asked, context)
    if not entities:
        return execute()
    version = read_version(entities)
    if known is not SEEN and known.version == version:
        HIT.inc()
        return _result(known.data)
    (MISS if known is SEEN else STALE).inc()
    result = execute()
    # Otherwise the data may be newer than the version, which a failover could bring back.
    if result.errors or read_version(entities) != version:
        return result
    return _cache(key, result, entities, version)


def _cache(
    key: Hashable, result: ExecutionResult, entities: frozenset[UUID], version: int
) -> ExecutionResult:
    """Cache a result without errors, and return it."""
    try:
        # orjson's bytes take several kilobytes more than their length: a copy does not.
        data = bytes(memoryview(orjson.dumps(result.data)))
    except orjson.JSONEncodeError:
        return result
    ANSWERS.put(key, CachedAnswer(data, entities, version))
    return _result(data)


def _result(data: bytes) -> ExecutionResult:
    return ExecutionResult(data=cast("Any", orjson.Fragment(data)), errors=None)


def _may_be_cached(asked: Asked, context: Context) -> bool:
    """Return whether the answer may be cached.

    Not in a transaction, which changes a version only once.
    """
    return (
        asked.operation.is_cacheable is not False
        and not asked.operation.is_mutation
        and ANSWERS.max_size > 0
        and context.trace is None
        and context.actor.user_id is not None
        and not thread_connection().in_atomic_block
    )


def _key(asked: Asked, context: Context) -> Hashable | None:
    """Return what the answer depends on besides rows: the request, and who asks.

    None for variables that are no JSON of orjson's, such as numbers beyond 64 bits.
    """
    try:
        rest = orjson.dumps((asked.name, asked.variables), option=orjson.OPT_SORT_KEYS)
        digest = blake2b(asked.source.encode(), digest_size=DIGEST_BYTES)
    except (orjson.JSONEncodeError, UnicodeEncodeError):
        return None
    digest.update(rest)
    return digest.digest(), get_language(), context.actor.user_id, context.visibility()


def _entities(asked: Asked, context: Context) -> frozenset[UUID] | None:
    """Return the keys of what the answer depends on; None if it is not cached."""
    try:
        found = asked.operation.dependencies(asked.variables, context, SINGLE)
    except (GraphQLError, NotCacheableError, NotPlannableError):
        return None
    # Visibility depends on the requester.
    return frozenset({*found, cast("UUID", context.actor.user_id)})
