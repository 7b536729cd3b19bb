"""The load generator: a fixed number of connections that are never idle.

Each connection sends its next request after the last response (keep-alive), and every response is
checked. One thread multiplexes all connections, at several dozen microseconds per request, which
leaves most of its core to PostgreSQL.
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final, Self

CHUNK: Final = 1 << 18
HEAD_END: Final = b"\r\n\r\n"
# REST answers 201 to a request that creates something.
SUCCESSES: Final = (b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")
# Has no body.
UNCHANGED: Final = b"HTTP/1.1 304 "
LENGTH: Final = b"content-length:"


class LoadError(RuntimeError):
    """An unexpected response; the message shows it."""


@dataclass(frozen=True, slots=True)
class Request:
    """The bytes of an HTTP request, and its expected response."""

    payload: bytes
    # The complete body, or a part of it for responses that differ each time.
    expected: bytes = b""
    whole: bool = False
    # For requests that succeed once: builds the payload whenever the request is sent.
    build: Callable[[], bytes] | None = None
    # Takes the body of a checked response, on which the next payload may depend.
    learn: Callable[[bytes], None] | None = None

    def check(self, body: bytes) -> None:
        """Raise `LoadError` for an unexpected body."""
        right = body == self.expected if self.whole else self.expected in body
        if not right:
            raise LoadError(f"unexpected answer {body[:1_000]!r} to {self.payload[:1_000]!r}")


def http_request(
    method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> bytes:
    """Return the bytes of a request with a JSON body or none."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + HEAD_END + body


@dataclass(slots=True)
class Sample:
    """The measurement of one contestant in one round."""

    seconds: float
    latencies: list[float]
    generator_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Responses per second."""
        return len(self.latencies) / self.seconds


@dataclass(slots=True)
class _Connection:
    """A connection and its pending request."""

    socket: socket.socket
    request: Request = Request(b"")
    sent: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    @classmethod
    def to(cls, port: int) -> Self:
        connection = socket.create_connection(("127.0.0.1", port), timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connection)

    def ask(self, request: Request) -> None:
        self.request = request
        self.received.clear()
        payload = request.build() if request.build else request.payload
        self.sent = time.perf_counter()
        self.socket.sendall(payload)

    def read(self) -> bytes | None:
        """Read available data; return the body once it is complete."""
        chunk = self.socket.recv(CHUNK)
        if not chunk:
            raise LoadError("the connection closed within a response")
        self.received += chunk
        head_end = self.received.find(HEAD_END)
        if head_end < 0:
            return None
        head = bytes(self.received[:head_end])
        if head.startswith(UNCHANGED):
            return b""
        lower = head.lower()
        start = lower.find(LENGTH)
        if not head.startswith(SUCCESSES) or start < 0:
            shown = bytes(self.received[:2_000]).decode(errors="replace")
            raise LoadError(f"not a 200 or 201 with its length:\n{shown}")
        length = int(lower[start + len(LENGTH) :].split(b"\r\n", 1)[0])
        body_start = head_end + len(HEAD_END)
        if len(self.received) < body_start + length:
            return None
        return bytes(self.received[body_start : body_start + length])


def fetch(port: int, payload: bytes) -> bytes:
    """Send one request; return the body. Raises `LoadError` unless the status is 200 or 201."""
    connection = _Connection.to(port)
    with connection.socket:
        connection.ask(Request(payload))
        while (body := connection.read()) is None:
            pass
        return body


def run(port: int, requests: Sequence[Request], *, seconds: float, connections: int) -> Sample:
    """Send the requests repeatedly for ``seconds``. Raises `LoadError`."""
    source = cycle(requests)
    latencies: list[float] = []
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _number in range(connections):
            connection = _Connection.to(port)
            stack.enter_context(connection.socket)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        cpu = time.process_time()
        started = time.perf_counter()
        for key in selector.get_map().values():
            key.data.ask(next(source))
        finished = _until(selector, started + seconds, source, latencies)
        cpu = time.process_time() - cpu
    return Sample(finished - started, latencies, cpu)


def _until(
    selector: selectors.BaseSelector,
    deadline: float,
    source: Iterator[Request],
    latencies: list[float],
) -> float:
    """Continue until the deadline and all responses; return the time of the last one."""
    waiting = len(selector.get_map())
    now = 0.0
    while waiting:
        for key, _events in selector.select():
            connection: _Connection = key.data
            body = connection.read()
            if body is None:
                continue
            now = time.perf_counter()
            latencies.append(now - connection.sent)
            connection.request.check(body)
            if connection.request.learn:
                connection.request.learn(body)
            if now < deadline:
                connection.ask(next(source))
            else:
                waiting -= 1
    return now
