"""Connections to other hosts' servers that end by one deadline, whatever the server does.

The time-outs of sockets and HTTP clients are for each read and write, which a server that sends or
takes byte by byte never exceeds. Here all operations of a block share the time that is left.

httpcore connects by a network backend, so these are also the connections of HTTP requests. The
backend resolves a name once and connects to an address that it has checked itself: no second
look-up can lead elsewhere (DNS rebinding). TLS verifies the host's name.
"""

import select
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache, partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from threading import Lock
from time import monotonic
from typing import Any, Final, TypeAlias
from weakref import WeakSet

import httpcore

from core.bounded_calls import BoundedCalls, BusyError

Address: TypeAlias = IPv4Address | IPv6Address

# For an address.
CONNECT_SECONDS: Final = 5.0
# Of several, one may be unreachable from here, such as an IPv6 address.
MAX_ADDRESSES: Final = 3
MAX_LOOK_UPS: Final = 8

# Resolving a name has no time-out.
_resolver: Final = BoundedCalls(MAX_LOOK_UPS, "resolver")
_ends_at: Final[ContextVar[float]] = ContextVar("connections_end_at")


class AddressRefusedError(httpcore.ConnectError):
    """The name has no address that may be connected to."""


class NameNotResolvedError(httpcore.ConnectError):
    """The name has no address."""


class TLSFailedError(httpcore.NetworkError):
    """TLS was not agreed on, or the certificate was not accepted."""


@contextmanager
def ending_within(seconds: float) -> Iterator[None]:
    """End all operations of this thread's connections within the block by then."""
    token = _ends_at.set(monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


@cache
def tls_context() -> ssl.SSLContext:
    """Return the context that verifies by the system's certificate authorities."""
    return ssl.create_default_context()


def connection_pool(
    connections: int = 1, backend: "BoundedBackend | None" = None
) -> httpcore.ConnectionPool:
    """Return a pool for HTTP, to be used within `ending_within`.

    It follows neither redirects nor the proxies of the environment, as httpcore knows neither.
    """
    return httpcore.ConnectionPool(
        ssl_context=tls_context(),
        max_connections=connections,
        max_keepalive_connections=connections,
        network_backend=backend or BoundedBackend(),
    )


class BoundedBackend(httpcore.NetworkBackend):
    """Connects to allowed addresses only."""

    def __init__(self, is_allowed: Callable[[Address], bool] | None = None) -> None:
        """Allow all addresses by default."""
        self._is_allowed = is_allowed or (lambda _address: True)
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._look_ups: dict[tuple[str, int], Future[list[Address]]] = {}
        self._lock = Lock()
        self._is_disconnected = False

    def disconnect(self) -> None:
        """Have all operations fail from now on, also those for which threads wait.

        Only an attempt to connect goes on for `CONNECT_SECONDS` at most.
        """
        with self._lock:
            self._is_disconnected = True
            for each in self._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline bounds it
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> "BoundedStream":
        """Connect to the first allowed address that accepts."""
        failed: Exception = AddressRefusedError("the address is not allowed")
        allowed = [address for address in self._resolve(host, port) if self._is_allowed(address)]
        for address in allowed[:MAX_ADDRESSES]:
            if self._is_disconnected:
                raise httpcore.ConnectError("disconnected")
            try:
                with _errors(httpcore.ConnectTimeout, httpcore.ConnectError):
                    seconds = min(CONNECT_SECONDS, _seconds_left())
                    return self._stream(socket.create_connection((str(address), port), seconds))
            except (httpcore.ConnectTimeout, httpcore.ConnectError) as error:
                failed = error
        raise failed

    def _resolve(self, host: str, port: int) -> list[Address]:
        """Return a host's addresses, by one look-up for all waiting threads.

        Their own ones would hold all of `MAX_LOOK_UPS` if the name's servers do not answer.
        """
        own: Future[list[Address]] = Future()
        with self._lock:
            look_up = self._look_ups.setdefault((host, port), own)
        if look_up is own:
            try:
                own.set_result(_resolve(host, port))
            except Exception as error:  # noqa: BLE001 - each thread raises it
                own.set_exception(error)
            with self._lock:
                del self._look_ups[host, port]
        return look_up.result()

    def _stream(self, connected: socket.socket) -> "BoundedStream":
        """Return the stream of a connection, which `disconnect` ends."""
        # TLS takes the socket over; its descriptor may become another's while it is shut down.
        duplicate = connected.dup()
        with self._lock:
            self._sockets.add(duplicate)
            if self._is_disconnected:
                duplicate.shutdown(socket.SHUT_RDWR)
        return BoundedStream(connected, duplicate)


class BoundedStream(httpcore.NetworkStream):
    """A socket whose operations end with the deadline."""

    def __init__(self, connected: socket.socket, duplicate: socket.socket) -> None:
        """Take a connected socket, and the duplicate to close with it."""
        self._socket = connected
        self._duplicate = duplicate
        # A request is sent in two parts, which must not wait for each other (Nagle).
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Return what has arrived; nothing after the end."""
        with _errors(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(_seconds_left())
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send all bytes."""
        rest = memoryview(buffer)
        with _errors(httpcore.WriteTimeout, httpcore.WriteError):
            while rest:
                self._socket.settimeout(_seconds_left())
                rest = rest[self._socket.send(rest) :]

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> "BoundedStream":
        """Return the stream within TLS."""
        try:
            with _errors(httpcore.ConnectTimeout, httpcore.ConnectError):
                self._socket.settimeout(_seconds_left())
                return BoundedStream(
                    ssl_context.wrap_socket(self._socket, server_hostname=server_hostname),
                    self._duplicate,
                )
        except BaseException:
            self.close()
            raise

    def finish(self) -> None:
        """Wait until the server has closed the connection after all that was sent.

        Its closure alert (TLS) may have been sent earlier, so TCP's end counts: a server that
        closes before it has read everything resets the connection.
        """
        with _errors(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(_seconds_left())
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket = self._socket.unwrap()
            self._socket.shutdown(socket.SHUT_WR)
        while self.read(4_096):
            pass

    def close(self) -> None:
        """Close the socket."""
        self._duplicate.close()
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        """Tell whether an idle connection was closed, which httpcore asks before each use."""
        if info != "is_readable":
            return None
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


@contextmanager
def _errors(
    timed_out: type[httpcore.TimeoutException], failed: type[httpcore.NetworkError]
) -> Iterator[None]:
    """Raise errors of sockets as those of httpcore."""
    try:
        yield
    except TimeoutError as error:
        raise timed_out("not within the time limit") from error
    except ssl.SSLError as error:
        raise TLSFailedError(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error


def _seconds_left() -> float:
    """Return the time until the deadline. Raises `TimeoutError` if it has passed."""
    left = _ends_at.get() - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _resolve(host: str, port: int) -> list[Address]:
    """Return a host's addresses. Raises errors of httpcore."""
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        with _errors(httpcore.ConnectTimeout, httpcore.ConnectError):
            found = _resolver.run(look_up, min(CONNECT_SECONDS, _seconds_left()))
    except (httpcore.ConnectError, BusyError, UnicodeError):
        raise NameNotResolvedError("the name was not resolved") from None
    return [ip_address(str(address[0])) for *_rest, address in found]
