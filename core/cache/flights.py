"""Computations that several threads would make at once."""

from collections.abc import Callable, Hashable
from threading import Event, Lock
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Lets one thread compute a value while others that need it wait for it."""

    def __init__(self) -> None:
        """Start without computations."""
        self._running: dict[Hashable, Event] = {}
        self._lock = Lock()

    def run(
        self, key: Hashable, find: Callable[[], T | None], compute: Callable[[], T], *, until: float
    ) -> T:
        """Return what ``find`` finds, or else compute it, for all threads that wait.

        If the computation fails, the next thread computes. At the monotonic time ``until``, a
        thread that still waits computes as well.
        """
        while (running := self._start(key)) is not None:
            if not running.wait(max(0.0, until - monotonic())):
                return compute()
            found = find()
            if found is not None:
                return found
        try:
            # Another thread may have ended since this one looked.
            found = find()
            return compute() if found is None else found
        finally:
            self._end(key)

    def _start(self, key: Hashable) -> Event | None:
        """Start a computation, or return the event that ends the running one."""
        with self._lock:
            running = self._running.get(key)
            if running is None:
                self._running[key] = Event()
            return running

    def _end(self, key: Hashable) -> None:
        with self._lock:
            ended = self._running.pop(key)
        ended.set()
