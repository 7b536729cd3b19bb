"""Answers of queries: from this process, from another one, or computed.

An answer is cached with its second request, so that those that never repeat cost nothing. It is
served while PostgreSQL still has the version that was read before the answer was computed. So a
hit costs one short statement, which goes out with the session's, and is never stale.

An answer that depends on more than entities is computed, unless the client accepts a stale one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from time import monotonic
from typing import Final
from uuid import UUID

from strawberry.types import ExecutionResult

from core.cache.flights import SingleFlight
from core.cache.shared import SharedCache
from core.cached_settings import settings
from core.telemetry.counters import PendingCounter
from core.versions.lookup import read_version
from core.web.caching import Hit
from schema.http.answers.cached import ANSWERS, NOT_CACHED, Answer, cache, etag_of, stale_key
from schema.http.answers.requested import RequestedOperation
from schema.http.answers.shared import SharedAnswers

# How long a request waits for another that computes the same answer.
MAX_WAIT: Final = 0.1
SINGLE_FLIGHT: Final[SingleFlight[ExecutionResult]] = SingleFlight()
CACHE: Final = SharedCache()
SHARED: Final = SharedAnswers(CACHE)


class Outcome(StrEnum):
    """How an answer was found that may be cached."""

    # Not asked for lately: executed, and not cached yet.
    FIRST = "first"
    # Executed, as no answer was cached, or one of another version.
    MISS = "miss"
    CHANGED = "changed"
    # From this process's memory, from another process, from another request at the same time.
    HIT = "hit"
    SHARED = "shared"
    JOINED = "joined"
    # The client has the answer.
    UNCHANGED = "unchanged"


EXECUTED: Final = frozenset({Outcome.FIRST, Outcome.MISS, Outcome.CHANGED})
LOOKUPS: Final = PendingCounter(
    "graphql_cached_answers", "Operations that can be cached, by result.", ["result"]
)
_COUNTERS: Final = {each: LOOKUPS.labels(each) for each in Outcome}

Execute = Callable[[], ExecutionResult]


def execute_cached(requested: RequestedOperation, execute: Execute) -> ExecutionResult:
    """Return the cached answer of an operation, or else that of ``execute``."""
    is_possible = ANSWERS.max_size and requested.may_be_cached
    key = requested.key() if is_possible else None
    return execute() if key is None else _answer(requested, key, execute)


def _answer(requested: RequestedOperation, key: bytes, execute: Execute) -> ExecutionResult:
    caching = requested.context.caching
    known = ANSWERS.get(key)
    # A client that revalidates needs the version.
    if known is None and caching.etags is None and requested.operation.is_cacheable:
        return _execute_first(requested, key, execute)
    entities = (known and known.entities) or requested.entities()
    max_age = None
    if entities is None and caching.max_age:
        key = stale_key(key)
        known, entities, max_age = ANSWERS.get(key), requested.written_entities(), caching.max_age
    if entities is None:
        return execute()
    if known is None and caching.etags is None:
        return _execute_first(requested, key, execute)
    return _Lookup(requested, key, execute, entities, known, max_age).answer()


def _execute_first(requested: RequestedOperation, key: bytes, execute: Execute) -> ExecutionResult:
    """Execute an operation that was not asked for lately."""
    _count(requested, Outcome.FIRST)
    start = monotonic()
    result = execute()
    cache(key, NOT_CACHED._replace(seconds=monotonic() - start))
    return result


def _count(requested: RequestedOperation, outcome: Outcome) -> None:
    caching = requested.context.caching
    caching.outcome, caching.is_cached = outcome, outcome not in EXECUTED
    count_outcome(outcome)


def count_outcome(outcome: Outcome) -> None:
    """Count a look-up."""
    _COUNTERS[outcome].increment()


@dataclass(slots=True)
class _Lookup:
    """The look-up of an answer.

    With ``max_age``, it depends on more than the entities, and may be stale for as many seconds.
    """

    requested: RequestedOperation
    key: bytes
    execute: Execute
    entities: frozenset[UUID]
    # None if the operation was not asked for lately.
    known: Answer | None
    max_age: int | None
    version: int = 0
    # The monotonic time until which it waits for others.
    until: float = 0.0

    def answer(self) -> ExecutionResult:
        """Return the answer."""
        self.version = read_version(self.entities)
        caching = self.requested.context.caching
        if caching.etags is not None and self.max_age is None:
            caching.etag = etag_of(self.key, self.version, caching.media_type)
            if caching.is_unchanged:
                _count(self.requested, Outcome.UNCHANGED)
                caching.hit = self._hit(None)
                return ExecutionResult(data=None, errors=None)
        if self.known is None:
            return self._execute(Outcome.FIRST)
        if self._is_usable(self.known):
            caching.hit = self._hit(self.key)
            return self._use(self.known, Outcome.HIT)
        self.until = monotonic() + MAX_WAIT
        flight = (self.key, self.version)
        compute = partial(self._compute, self.known)
        return SINGLE_FLIGHT.run(flight, self._find, compute, until=self.until)

    def _hit(self, key: bytes | None) -> Hit:
        points = self.requested.context.points
        return Hit(key, self.entities, self.version, self.max_age, points)

    def _is_usable(self, answer: Answer) -> bool:
        return answer.is_usable(self.version, self.max_age)

    def _find(self) -> ExecutionResult | None:
        """Return what another thread has computed."""
        found = ANSWERS.get(self.key)
        return self._use(found, Outcome.JOINED) if found and self._is_usable(found) else None

    def _compute(self, known: Answer) -> ExecutionResult:
        """Return the answer of another process, or else compute it, and cache it."""
        outcome = Outcome.CHANGED if known.data else Outcome.MISS
        if not self._is_shared(known.seconds):
            return self._execute(outcome)
        shared = SHARED.look_up(
            self.key, self.version, self._is_usable, seconds=known.seconds, until=self.until
        )
        with shared as found:
            if found is None:
                return self._execute(outcome)
        found = found._replace(entities=self.entities, seconds=known.seconds)
        cache(self.key, found)
        return self._use(found, Outcome.SHARED)

    def _is_shared(self, seconds: float) -> bool:
        """Return whether computing the answer, which took ``seconds``, is worth a round trip."""
        return self.max_age is not None or seconds >= settings.SHARED_ANSWER_SECONDS

    def _execute(self, outcome: Outcome) -> ExecutionResult:
        _count(self.requested, outcome)
        caching = self.requested.context.caching
        caching.entities, caching.version = self.entities, self.version
        computed_at = monotonic()
        result = self.execute()
        seconds = monotonic() - computed_at
        answer = None
        if not result.errors and self._is_unchanged():
            answer = Answer.of(result.data, self.entities, self.version, computed_at, seconds)
        if answer is None:
            self.requested.context.caching.etag = None
            return result
        if outcome is Outcome.FIRST:
            cache(self.key, NOT_CACHED._replace(seconds=seconds))
            return self._result(answer)
        cache(self.key, answer)
        if self._is_shared(seconds):
            ttl = None if self.max_age is None else timedelta(seconds=settings.CACHE_MAX_STALENESS)
            SHARED.put(self.key, answer, ttl)
        return self._result(answer)

    def _is_unchanged(self) -> bool:
        """Return whether the version is still the same after the rows were read.

        Otherwise the data may be newer than the version, which a failover could bring back.
        """
        if self.max_age is not None:
            return True
        by_replica = self.requested.context.caching.is_version_same
        return read_version(self.entities) == self.version if by_replica is None else by_replica

    def _use(self, answer: Answer, outcome: Outcome) -> ExecutionResult:
        _count(self.requested, outcome)
        return self._result(answer)

    def _result(self, answer: Answer) -> ExecutionResult:
        if self.max_age is not None:
            self.requested.context.caching.age = int(answer.age())
        return answer.result()
