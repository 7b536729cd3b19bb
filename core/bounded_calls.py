"""Calls that a caller waits for no longer than it wants.

A time-out of a socket is for each read, and a reply may come byte by byte. So calls are made by
other threads, which may wait longer than the caller.
"""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")


class BusyError(Exception):
    """All threads wait for calls."""


class BoundedCalls:
    """Threads that make the calls of one process; its end does not wait for them.

    A call whose caller has left holds its thread until it returns. While all threads are held, no
    other call is made.
    """

    def __init__(self, threads: int, name: str) -> None:
        """Start no more than ``threads``, when they are needed."""
        self._name = name
        self._max_threads = threads
        self._free = Semaphore(threads)
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._lock = Lock()
        self._threads = 0

    def run(self, function: Callable[[], T], seconds: float) -> T:
        """Return what the function returns, or raise what it raises.

        Raises `TimeoutError` if that takes longer, and `BusyError` if no thread is free until then.
        """
        until = monotonic() + seconds
        if not self._free.acquire(timeout=seconds):
            raise BusyError
        call: Future[T] = Future()
        try:
            self._start_thread()
        except RuntimeError as error:
            # The system has no more threads.
            self._free.release()
            raise BusyError from error
        self._calls.put((call, function))
        return call.result(max(0.0, until - monotonic()))

    def _start_thread(self) -> None:
        """Start a thread unless there are as many as are allowed."""
        with self._lock:
            if self._threads < self._max_threads:
                Thread(target=self._work, name=self._name, daemon=True).start()
                self._threads += 1

    def _work(self) -> None:
        while True:
            call, function = self._calls.get()
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - the caller raises it
                self._free.release()
                call.set_exception(error)
            else:
                self._free.release()
                call.set_result(result)
            # Keep nothing until the next call.
            del call, function
