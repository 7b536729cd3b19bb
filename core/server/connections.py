"""A client's connection, which is read and written without waiting for the client."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from core.server.answers import Answer
from core.server.requests import READ_BYTES, Phase, RefusedRequestError, RequestParser

# For the client to read the last answer before the connection is gone (RFC 9112, section 9.6).
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 1_048_576
# Bodies and answers up to here are bounded by the number of connections.
UNCOUNTED_BYTES: Final = READ_BYTES
# Closed so, a connection is reset, and the kernel keeps nothing of it.
RESET: Final = struct.pack("ii", 1, 0)
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may take, in seconds, from the first byte to the last.

    Neither a byte nor a pause buys more time.
    """

    head: float
    body: float
    answer: float
    # For the next request to begin.
    idle: float

    def of(self, phase: Phase) -> float:
        """Return the seconds for what a connection waits for."""
        if phase is Phase.IDLE:
            return self.idle
        return self.head if phase is Phase.HEAD else self.body


class MemoryBudget:
    """What all connections together may hold of large bodies and of answers not yet sent."""

    def __init__(self, limit: int) -> None:
        """Take the limit in bytes."""
        self.limit = limit
        self._used = 0
        self._lock = threading.Lock()

    def resize(self, held: int, wanted: int) -> bool:
        """Hold ``wanted`` bytes instead of ``held``; return whether there is room."""
        with self._lock:
            has_room = wanted <= held or self._used + wanted - held <= self.limit
            if has_room:
                self._used += wanted - held
            return has_room


class Connection:
    """A connection, which one thread at a time has to itself."""

    def __init__(
        self,
        sock: socket.socket,
        parser: RequestParser,
        budget: MemoryBudget,
        deadlines: Deadlines,
    ) -> None:
        """Wait for the first request, for as long as for any other head."""
        self.sock = sock
        self.descriptor = sock.fileno()
        self.parser = parser
        self.budget = budget
        self.deadlines = deadlines
        self.since = time.monotonic()
        self.deadline = self.since + min(deadlines.head, deadlines.idle)
        # None while a request is answered.
        self.phase: Phase | None = Phase.IDLE
        self.is_lingering = False
        # Held while a thread begins to wait for it, which is no moment to take it from there.
        self.handover = threading.Lock()
        # Set with the last answer.
        self.ends = False
        self._unsent = memoryview(b"")
        self._answer: Answer | None = None
        self._blocks: Iterator[bytes] = iter(())
        self._held = self._discarded = 0

    @property
    def has_unsent(self) -> bool:
        """Return whether an answer waits for the client to read."""
        return bool(self._unsent)

    @property
    def is_unused(self) -> bool:
        """Return whether no request has begun, and none is answered."""
        return self.phase is Phase.IDLE

    @property
    def is_amid_request(self) -> bool:
        """Return whether a part of a request has arrived."""
        return self.phase in {Phase.HEAD, Phase.BODY}

    def is_silent(self) -> bool:
        """Return whether nothing has come that is still to be read."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return True
        return False

    def receive(self) -> bool:
        """Read what is there and parse it; return False once the client sends no more.

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
        """Ask for the body that a client holds back, once all before it is answered.

        Raises `OSError` if the connection is broken, or takes not even so much.
        """
        parser = self.parser
        is_next = parser.phase is Phase.BODY and not (parser.requests or parser.refusal)
        if parser.expects_continue and is_next:
            parser.expects_continue = False
            if self.sock.send(CONTINUE) < len(CONTINUE):
                raise ConnectionAbortedError("The client reads nothing.")

    def discard(self) -> bool:
        """Read and forget; return False once the client sends no more, or too much."""
        try:
            read = len(self.sock.recv(READ_BYTES))
        except BlockingIOError:
            return True
        self._discarded += read
        return bool(read) and self._discarded <= LINGER_BYTES

    def answer(self, answer: Answer, *, keeps_alive: bool) -> bool:
        """Send an answer as `send` does; the application is told once it is not needed any more."""
        self._answer = answer
        message, self._blocks = answer.parts(keeps_alive=keeps_alive)
        return self.send(message)

    def send(self, message: bytes) -> bool:
        """Send a message, or begin to; return whether all is sent.

        What is not, `resume` sends. Raises `OSError` if the connection is broken, or is given up
        because too much waits for clients to read.
        """
        self.phase = None
        self._unsent = memoryview(message)
        is_sent = self.resume()
        if not is_sent:
            self.deadline = time.monotonic() + self.deadlines.answer
            unsent = len(self._unsent)
            if not self._reserve(unsent if unsent > UNCOUNTED_BYTES else 0):
                raise ConnectionAbortedError("Too much waits to be read.")
        return is_sent

    def resume(self) -> bool:
        """Send more of the answer; return whether all is sent. Raises `OSError`."""
        while self._unsent:
            try:
                sent = self.sock.send(self._unsent)
            except BlockingIOError:
                return False
            self._unsent = self._unsent[sent:]
            if not self._unsent:
                self._unsent = memoryview(next(self._blocks, b""))
        self._reserve(0)
        self._finish_answer()
        return True

    def note_phase(self) -> None:
        """Give the client time for what is waited for, unless that was waited for before."""
        if self.phase is self.parser.phase:
            return
        self.phase = self.parser.phase
        self.since = time.monotonic()
        self.deadline = self.since + self.deadlines.of(self.phase)

    def linger(self) -> None:
        """Send no more, and wait for the client to say the same."""
        self.is_lingering = True
        self.phase = None
        self.deadline = time.monotonic() + LINGER_SECONDS
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection and free what it holds; what the client did not read is lost."""
        try:
            if self._unsent:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._finish_answer()
        finally:
            self._reserve(0)
            self.parser.close()
            self.sock.close()

    def _finish_answer(self) -> None:
        answer, self._answer, self._blocks = self._answer, None, iter(())
        if answer is not None:
            answer.close()

    def _enforce_budget(self) -> None:
        buffered = self.parser.buffered
        if not self._reserve(buffered if buffered > UNCOUNTED_BYTES else 0):
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
