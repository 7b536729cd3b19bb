"""What is made once and used again, as long as it is used often enough."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """The things used last, by key. Two threads that miss one at once both make it."""

    def __init__(self, size: int) -> None:
        """Keep so many."""
        self._size = size
        self._things: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return what is kept under the key, or make it."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key]
        made = make()
        with self._lock:
            self._things[key] = made
            if len(self._things) > self._size:
                self._things.popitem(last=False)
        return made
