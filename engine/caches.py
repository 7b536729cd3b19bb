"""LRU caches bounded by bytes instead of entries."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from cachetools import LRUCache

V = TypeVar("V")


class _CountingCache(LRUCache[Hashable, V]):
    """An LRU cache that reports the values that it evicts."""

    on_evict: Callable[[], None] | None = None

    def popitem(self) -> tuple[Hashable, V]:
        """Evict the least recently used value."""
        if self.on_evict is not None:
            self.on_evict()
        return super().popitem()


class SizedCache(Generic[V]):
    """An LRU cache for threads, of values with an estimated size in bytes.

    A value that is larger than the whole cache is not cached. Two threads that miss the same key
    at once both make its value.
    """

    def __init__(
        self,
        max_bytes: int,
        size_of: Callable[[V], int],
        on_evict: Callable[[], None] | None = None,
    ) -> None:
        """Create an empty cache for values of up to ``max_bytes`` together."""
        self._values: _CountingCache[V] = _CountingCache(max_bytes, getsizeof=size_of)
        self._values.on_evict = on_evict
        self._lock = Lock()

    def get(self, key: Hashable) -> V | None:
        """Return the value of the key, or None."""
        with self._lock:
            # By item, as `LRUCache.get` would ask twice.
            try:
                return self._values[key]
            except KeyError:
                return None

    def put(self, key: Hashable, value: V) -> None:
        """Cache a value, or measure a grown one again; evict the least recently used."""
        with self._lock:
            try:
                self._values[key] = value
            except ValueError:
                self._values.pop(key, None)

    def get_or_make(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return the value of the key, made and cached if there is none."""
        value = self.get(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def remeasure(self, key: Hashable, value: V) -> None:
        """Measure a value again that has grown, unless it was evicted meanwhile."""
        with self._lock:
            is_cached = self._values.get(key) is value
        if is_cached:
            self.put(key, value)

    def clear(self) -> None:
        """Evict all values."""
        with self._lock:
            self._values.clear()

    def __contains__(self, key: Hashable) -> bool:
        """Return whether the key has a value; faster than `get` if it has none."""
        return key in self._values

    @property
    def size(self) -> int:
        """The estimated bytes of all values."""
        return int(self._values.currsize)

    @property
    def max_size(self) -> int:
        """The bytes that all values may have together."""
        return int(self._values.maxsize)

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self._values)
