"""A circuit breaker: a server that fails does not delay each request by a time-out."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Final, TypeVar

from prometheus_client import Gauge

from core.spans import span

OPEN: Final = Gauge(
    "circuit_open",
    "Processes that do not call a server, because it failed.",
    ["circuit"],
    multiprocess_mode="livesum",
)

T = TypeVar("T")


class CircuitOpenError(Exception):
    """The server failed recently, and is not called."""


class CircuitBreaker:
    """Calls a server until ``failures`` consecutive calls raise; then the circuit is open.

    ``seconds`` later, one call is the probe (half-open). If it returns, the circuit closes; if it
    raises, the circuit stays open for as long again. Calls run concurrently, without a lock.
    """

    def __init__(self, name: str, *, failures: int, seconds: float) -> None:
        """Close the circuit. ``name`` is its label in the metric ``circuit_open``."""
        # The time of the next probe; None while the circuit is closed.
        self.retry_at: float | None = None
        self._max_failures = failures
        self.seconds = seconds
        self._failures = 0
        self._is_probing = False
        self._lock = Lock()
        self._name = name
        self._gauge = OPEN.labels(name)
        self._gauge.set(0)

    def call(self, function: Callable[[], T]) -> T:
        """Return the function's result; what it raises is a failure of the server.

        Raises `CircuitOpenError`, without a call, while the circuit is open.
        """
        is_probe = self.retry_at is not None and self._claim_probe()
        try:
            with span(self._name):
                result = function()
        except BaseException:
            self._record_failure(is_probe=is_probe)
            raise
        if is_probe or self._failures:
            self._record_success(is_probe=is_probe)
        return result

    def is_refusing(self) -> bool:
        """Return whether a call would raise `CircuitOpenError` now."""
        retry_at = self.retry_at
        return retry_at is not None and (self._is_probing or time.monotonic() < retry_at)

    def _claim_probe(self) -> bool:
        """Return whether this call is the probe; False if the circuit was closed meanwhile."""
        with self._lock:
            if self.retry_at is None:
                return False
            if self.is_refusing():
                raise CircuitOpenError
            self._is_probing = True
            return True

    def _record_failure(self, *, is_probe: bool) -> None:
        with self._lock:
            if is_probe:
                self._is_probing = False
            elif self.retry_at is not None:
                # A call from before the circuit opened.
                return
            self._failures += 1
            if is_probe or self._failures >= self._max_failures:
                self.retry_at = time.monotonic() + self.seconds
                self._gauge.set(1)

    def _record_success(self, *, is_probe: bool) -> None:
        with self._lock:
            if is_probe:
                self._is_probing = False
            elif self.retry_at is not None:
                return
            self._failures = 0
            self.retry_at = None
            self._gauge.set(0)
