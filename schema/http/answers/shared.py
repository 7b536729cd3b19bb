"""Answers in the cache that all processes share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, sleep
from typing import Final

from core.cache.shared import SharedCache
from schema.http.answers.cached import Answer, with_version

POLL_SECONDS: Final = 0.01


class SharedAnswers:
    """The shared cache for answers; without a reachable server it is empty."""

    def __init__(self, cache: SharedCache) -> None:
        """Store them in the cache."""
        self._cache = cache

    @contextmanager
    def look_up(
        self,
        key: bytes,
        version: int,
        is_usable: Callable[[Answer], bool],
        *,
        seconds: float,
        until: float,
    ) -> Iterator[Answer | None]:
        """Yield the usable answer of another process; None if the block is to compute it.

        Other processes wait for the block if they need it, until the monotonic time ``until``. If
        the look-up takes longer than the computation did, in ``seconds``, they do not.
        """
        name = with_version(key, version)
        start = monotonic()
        found = self._get(name, is_usable)
        is_slow = monotonic() - start > seconds
        is_leader = found is None and not is_slow and self._cache.acquire_lease(name)
        if found is None and not is_slow and not is_leader:
            found = self._wait(name, is_usable, until)
        try:
            yield found
        finally:
            if is_leader:
                self._cache.release_lease(name)

    def put(self, key: bytes, answer: Answer, ttl: timedelta | None) -> None:
        """Share an answer, for the cache's own time if ``ttl`` is None."""
        more = {} if ttl is None else {"ttl": ttl}
        self._cache.put(with_version(key, answer.version), answer.to_bytes(), **more)

    def _get(self, name: bytes, is_usable: Callable[[Answer], bool]) -> Answer | None:
        value = self._cache.get(name)
        found = Answer.from_bytes(value) if value else None
        return found if found and is_usable(found) else None

    def _wait(
        self, name: bytes, is_usable: Callable[[Answer], bool], until: float
    ) -> Answer | None:
        """Return the answer that another process computes, if that takes no longer."""
        found = None
        while found is None and monotonic() < until:
            sleep(POLL_SECONDS)
            found = self._get(name, is_usable)
        return found
