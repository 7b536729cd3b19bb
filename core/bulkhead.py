"""Bulkheads: expensive work of one kind does not occupy all threads of a process."""

from collections.abc import Callable
from threading import Lock
from typing import Final, Self

from prometheus_client import Counter

from core.cached_settings import settings
from core.errors import ServiceBusyError

REFUSED: Final = Counter(
    "bulkhead_refused", "Expensive work that was refused, because as much was running.", ["work"]
)


class NotStartedError(ServiceBusyError):
    """The work was refused before it cost anything: its attempt need not count."""


class Bulkhead:
    """Limits how many threads of a process do one kind of work.

    Others are refused and do not wait: a thread that waited would be occupied, too. Bulkheads may
    be in another one, which limits all of them together.
    """

    def __init__(
        self, name: str, max_threads: Callable[[], int], within: "Bulkhead | None" = None
    ) -> None:
        """Allow ``max_threads()`` threads; ``name`` is the label in the metric."""
        self._max_threads = max_threads
        self._within = within
        self._threads = 0
        self._lock = Lock()
        self._refused = REFUSED.labels(name)

    def require_room(self) -> None:
        """Raise `NotStartedError` if no thread is free, before work that leads to this one."""
        if self._threads >= max(1, self._max_threads()):
            self._refused.inc()
            raise NotStartedError

    def __enter__(self) -> Self:
        """Occupy a thread. Raises `NotStartedError` if as many as are allowed are."""
        if self._within:
            self._within.__enter__()
        with self._lock:
            has_room = self._threads < max(1, self._max_threads())
            self._threads += has_room
        if not has_room:
            if self._within:
                self._within.__exit__()
            self._refused.inc()
            raise NotStartedError
        return self

    def __exit__(self, *_error: object) -> None:
        """Free the thread."""
        with self._lock:
            self._threads -= 1
        if self._within:
            self._within.__exit__()


# All expensive work together leaves one thread for everything else.
EXPENSIVE: Final = Bulkhead("expensive work", lambda: settings.WEB_THREADS - 1)


def half_of_threads(name: str) -> Bulkhead:
    """Return a bulkhead for work that takes seconds, not milliseconds."""
    return Bulkhead(name, lambda: settings.WEB_THREADS // 2, within=EXPENSIVE)
