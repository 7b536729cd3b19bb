"""Non-blocking client connections."""

import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from operator import attrgetter
from typing import Final, Self

from core.cached_settings import settings
from core.server.requests import READ_BYTES, Phase, RefusedRequestError, RequestParser
from core.server.responses import Response

# Lets the client read the last response before the connection closes (RFC 9112, section 9.6).
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 1_048_576
# Smaller bodies and responses are not budgeted; the number of connections bounds them.
UNBUDGETED_BYTES: Final = READ_BYTES
# A streamed response, such as a file, takes little memory however slowly it is read. Its deadline
# grows with its length, for a client that reads so many bytes a second.
STREAMED_BYTES_PER_SECOND: Final = 250_000
# SO_LINGER with no time: the kernel resets the connection and drops its unsent data.
RESET: Final = struct.pack("ii", 1, 0)
# The memory budget of all connections: the larger of this many bytes and this many bodies of the
# largest size.
BUDGET_BYTES: Final = 67_108_864
BUDGET_BODIES: Final = 4
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may take, in seconds, from the first byte to the last.

    Progress does not extend a deadline, against slow-drip attacks.
    """

    head: float
    body: float
    response: float
    # Until the next request begins.
    idle: float

    @classmethod
    def of_settings(cls, *, idle: float) -> Self:
        """Return the deadlines of the settings, and gunicorn's for idle connections."""
        return cls(
            head=settings.WEB_HEAD_SECONDS,
            body=settings.WEB_BODY_SECONDS,
            response=settings.WEB_ANSWER_SECONDS,
            idle=idle,
        )

    def of(self, phase: Phase) -> float:
        """Return the seconds that a phase may last."""
        if phase is Phase.IDLE:
            return self.idle
        return self.head if phase is Phase.HEAD else self.body


class MemoryBudget:
    """A budget, shared by all connections, for large bodies and unsent responses."""

    def __init__(self, limit: int) -> None:
        """Set the limit in bytes."""
        self.limit = limit
        self._used = 0
        self._lock = threading.Lock()

    @classmethod
    def of_bodies(cls, size: int) -> Self:
        """Return the budget of a process whose largest bodies have this size."""
        return cls(max(BUDGET_BYTES, BUDGET_BODIES * size))

    def resize(self, held: int, wanted: int) -> bool:
        """Change a reservation from ``held`` to ``wanted`` bytes; return whether it fits."""
        with self._lock:
            has_room = wanted <= held or self._used + wanted - held <= self.limit
            if has_room:
                self._used += wanted - held
            return has_room


class Connection:
    """A connection, owned by one thread at a time."""

    def __init__(
        self,
        sock: socket.socket,
        parser: RequestParser,
        budget: MemoryBudget,
        deadlines: Deadlines,
    ) -> None:
        """Set the deadline for the first request."""
        self.sock = sock
        self.descriptor = sock.fileno()
        self.parser = parser
        self.budget = budget
        self.deadlines = deadlines
        self.since = time.monotonic()
        self.deadline = self.since + min(deadlines.head, deadlines.idle)
        # None while a request is processed.
        self.phase: Phase | None = Phase.IDLE
        self.is_lingering = False
        # Held while a thread returns the connection to epoll; no other thread may claim it then.
        self.handover = threading.Lock()
        # True from the last response on.
        self.is_last = False
        self._unsent = memoryview(b"")
        self._response: Response | None = None
        self._blocks: Iterator[bytes] = iter(())
        self._held = self._discarded = 0

    @property
    def has_unsent(self) -> bool:
        """Whether a part of the response is unsent."""
        return bool(self._unsent)

    @property
    def is_idle(self) -> bool:
        """Whether the connection is idle between requests."""
        return self.phase is Phase.IDLE

    @property
    def has_partial_request(self) -> bool:
        """Whether a request has arrived in part."""
        return self.phase in {Phase.HEAD, Phase.BODY}

    def has_no_data(self) -> bool:
        """Return whether the socket has no data to read."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return True
        return False

    def receive(self) -> bool:
        """Read and parse available data; return False at the end of the stream.

        Raises `OSError` if the connection is broken.
        """
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return True
        if data:
            self.parser.feed(data)
            self._enforce_budget()
            self.send_continue()
        return bool(data)

    def send_continue(self) -> None:
        """Send 100 Continue if the client expects it and no earlier request is pending.

        Raises `OSError` if the connection is broken or its send buffer is full.
        """
        parser = self.parser
        is_next = parser.phase is Phase.BODY and not (parser.requests or parser.refusal)
        if parser.expects_continue and is_next:
            parser.expects_continue = False
            if self.sock.send(CONTINUE) < len(CONTINUE):
                raise ConnectionAbortedError("The client reads nothing.")

    def discard(self) -> bool:
        """Read and drop data; return False at the end or beyond the limit."""
        try:
            read = len(self.sock.recv(READ_BYTES))
        except BlockingIOError:
            return True
        self._discarded += read
        return bool(read) and self._discarded <= LINGER_BYTES

    def respond(self, response: Response, *, keeps_alive: bool) -> bool:
        """Send a response as `send` does, and close it once it is sent."""
        self._response = response
        message, self._blocks = response.parts(keeps_alive=keeps_alive)
        more = response.sent / STREAMED_BYTES_PER_SECOND if response.is_streamed else 0
        return self.send(message, more=more)

    def send(self, message: bytes, *, more: float = 0) -> bool:
        """Start to send a message; return whether it is sent completely.

        ``more`` seconds are added to the deadline. `resume` sends the rest. Raises `OSError` if the
        connection is broken, or if the rest exceeds the memory budget.
        """
        self.phase = None
        self._unsent = memoryview(message)
        is_sent = self.resume()
        if not is_sent:
            self.deadline = time.monotonic() + self.deadlines.response + more
            unsent = len(self._unsent)
            if not self._reserve(unsent if unsent > UNBUDGETED_BYTES else 0):
                raise ConnectionAbortedError("Unsent responses exceed the memory budget.")
        return is_sent

    def resume(self) -> bool:
        """Continue to send; return whether the message is sent. Raises `OSError`."""
        while self._unsent:
            try:
                sent = self.sock.send(self._unsent)
            except BlockingIOError:
                return False
            self._unsent = self._unsent[sent:]
            if not self._unsent:
                self._unsent = memoryview(next(self._blocks, b""))
        self._reserve(0)
        self._finish_response()
        return True

    def update_deadline(self) -> None:
        """Set the deadline of the parser's phase if the phase has changed."""
        if self.phase is self.parser.phase:
            return
        self.phase = self.parser.phase
        self.since = time.monotonic()
        self.deadline = self.since + self.deadlines.of(self.phase)

    def linger(self) -> None:
        """Shut down the sending side, and wait for the client to close."""
        self.is_lingering = True
        self.phase = None
        self.deadline = time.monotonic() + LINGER_SECONDS
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection and free its memory; reset it if a response is unsent."""
        try:
            if self._unsent:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._finish_response()
        finally:
            self._reserve(0)
            self.parser.close()
            self.sock.close()

    def _finish_response(self) -> None:
        response, self._response, self._blocks = self._response, None, iter(())
        if response is not None:
            response.close()

    def _enforce_budget(self) -> None:
        buffered = self.parser.buffered
        if not self._reserve(buffered if buffered > UNBUDGETED_BYTES else 0):
            self.parser.refusal = RefusedRequestError(
                HTTPStatus.SERVICE_UNAVAILABLE, "Too much is being uploaded. Try again shortly."
            )

    def _reserve(self, wanted: int) -> bool:
        if wanted == self._held:
            return True
        has_room = self.budget.resize(self._held, wanted)
        if has_room:
            self._held = wanted
        return has_room


def by_use(waiting: Iterable[Connection]) -> Iterator[Connection]:
    """Return the connections without a complete request, the least used first.

    That is the one that has been idle longest; then the one that has waited longest for the rest
    of a head, then of a body.
    """
    connections = sorted(waiting, key=attrgetter("since"))
    for phase in (Phase.IDLE, Phase.HEAD, Phase.BODY):
        yield from (each for each in connections if each.phase is phase)
