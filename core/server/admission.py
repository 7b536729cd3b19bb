"""Admission of requests while all threads of a process are busy."""

import time
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from threading import Lock
from typing import Final, TypeAlias

from core.server.connections import Connection
from core.server.requests import Request

# Deadlines and connections.
Waiting: TypeAlias = deque[tuple[float, Connection]]
# In the documents or the variables of log-ins, sign-ups and changes of passwords.
PASSWORD: Final = b"assword"


class Admitted(Enum):
    """Where a request goes."""

    BY_IDLE_THREAD = auto()
    TO_QUEUE = auto()
    # The queue is full.
    NOT = auto()


def may_be_expensive(request: Request) -> bool:
    """Guess whether a request hashes a password or has a file.

    A wrong guess costs time only.
    """
    environ = request.environ
    is_form = environ.get("CONTENT_TYPE", "").startswith("multipart/")
    return is_form or PASSWORD in environ["wsgi.input"].getvalue()


class Admission:
    """A bounded queue of requests, before the threads, and the number of busy threads.

    Without a bound, each request would wait for all before it, and be processed although its client
    has left: under overload, no request would be answered in time.
    """

    def __init__(
        self, threads: int, *, length: int, seconds: float, on_all_busy: Callable[[], None]
    ) -> None:
        """Start with busy threads.

        A queue has at most ``length`` requests, none for longer than ``seconds``.
        ``on_all_busy`` is called when the last idle thread begins with a request.
        """
        self._threads = self._busy = threads
        self._length = length
        self._seconds = seconds
        self._on_all_busy = on_all_busy
        # Threads take from the second one only while the first one is empty.
        self._queues: tuple[Waiting, Waiting] = (deque(), deque())
        self._lock = Lock()
        # Whether the main thread reads requests, because all threads were busy.
        self.is_watching = False

    def finish(self) -> Connection | None:
        """Return the next connection of the queue, or None: the calling thread is idle then."""
        with self._lock:
            for queue in self._queues:
                if queue:
                    return queue.popleft()[1]
            self._busy -= 1
            return None

    def begin(self) -> None:
        """Count the calling thread as busy."""
        with self._lock:
            self._busy += 1
            if self._busy < self._threads or self.is_watching:
                return
            self.is_watching = True
        self._on_all_busy()

    def admit(self, connection: Connection) -> Admitted:
        """Queue a connection with a complete request, unless a thread is idle.

        What may be expensive has a queue of its own, of half the length, and waits for the others:
        a storm of log-ins does not stop reads.
        """
        is_expensive = may_be_expensive(connection.parser.requests[0])
        queue, length = self._queues[is_expensive], self._length // (1 + is_expensive)
        with self._lock:
            if self._busy < self._threads:
                return Admitted.BY_IDLE_THREAD
            if len(queue) >= max(1, length):
                return Admitted.NOT
            queue.append((time.monotonic() + self._seconds, connection))
            return Admitted.TO_QUEUE

    def take_overdue(self, now: float) -> list[Connection]:
        """Remove and return the connections that have been queued for too long."""
        overdue = []
        with self._lock:
            for queue in self._queues:
                while queue and queue[0][0] <= now:
                    overdue.append(queue.popleft()[1])
        return overdue

    def stop_watching(self) -> None:
        """Leave reading to the threads again, if one is idle."""
        with self._lock:
            self.is_watching = self._busy == self._threads
