"""What a process remembers of tokens that it verified."""

import time
from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class ExpiringMemory(Generic[V]):
    """Values by name, each until its time, and no more than ``size``: the last asked for."""

    def __init__(self, size: int) -> None:
        """Remember nothing yet."""
        self._size = size
        self._entries: OrderedDict[Hashable, tuple[float, V]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Return how many values are held, some of which may have expired."""
        return len(self._entries)

    def get(self, name: Hashable) -> V | None:
        """Return what was put there, unless it has expired."""
        with self._lock:
            if name not in self._entries:
                return None
            expires_at, value = self._entries[name]
            if expires_at <= time.time():
                del self._entries[name]
                return None
            self._entries.move_to_end(name)
            return value

    def put(self, name: Hashable, value: V, *, expires_at: float) -> None:
        """Remember it until then (seconds since the epoch), in place of the least asked for."""
        with self._lock:
            self._entries[name] = (expires_at, value)
            self._entries.move_to_end(name)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
