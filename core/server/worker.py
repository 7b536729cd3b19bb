"""A gunicorn worker whose threads never block on a client."""

import errno
import os
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from ipaddress import ip_address
from operator import attrgetter
from typing import Any, Final

from gunicorn.workers.base import Worker as BaseWorker  # type: ignore[import-untyped]
from structlog.contextvars import bound_contextvars, unbind_contextvars

from core.cached_settings import settings
from core.request_id import KEY as REQUEST_ID
from core.request_id import current_request_id, request_id_from
from core.server.access_log import AccessLog
from core.server.connections import Connection, Deadlines, MemoryBudget
from core.server.requests import (
    READ_BYTES,
    Environ,
    Limits,
    Peer,
    Phase,
    RefusedRequestError,
    Request,
    RequestParser,
)
from core.server.responses import Response, refusal

# One-shot: epoll reports an event to one thread, and none until the connection is rearmed.
READABLE: Final = select.EPOLLIN | select.EPOLLONESHOT
WRITABLE: Final = select.EPOLLOUT | select.EPOLLONESHOT
# Reported to every process that shares a listening socket: with EPOLLEXCLUSIVE, some connections
# would be reported only to a process that hangs.
ACCEPTABLE: Final = select.EPOLLIN
# How long a stopping worker waits for a request in transit.
STOP_SECONDS: Final = 2.0
TICK_SECONDS: Final = 1.0
# Errors of accept(2) if there is no connection, or if it was aborted.
NO_CONNECTION: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED})
TIMED_OUT: Final = RefusedRequestError(
    HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time."
)
INTERNAL_ERROR: Final = RefusedRequestError(
    HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side."
)
# Errors of accept(2) if resources are exhausted.
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# The memory budget of all connections: the larger of this many bytes and this many bodies of the
# largest size.
BUDGET_BYTES: Final = 67_108_864
BUDGET_BODIES: Final = 4


class Worker(BaseWorker):  # type: ignore[misc]
    """Serves HTTP/1.1 with `threads` threads.

    The main thread accepts connections and enforces deadlines. The other threads wait on one
    epoll(7) instance, and the kernel hands each ready connection to one of them. That thread reads
    the available data, processes a complete request, sends as much as the client accepts, and waits
    again. So a slow or silent client occupies no thread, and a request stays in one thread;
    handing requests over takes a fifth of the time of gunicorn's own worker.

    At shutdown it completes pending requests, accepts the connections in the backlog, and refuses
    later ones, so that a proxy tries the next replica.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take gunicorn's arguments. Raises `SystemExit` for TLS and the PROXY protocol."""
        super().__init__(*args, **kwargs)
        if self.cfg.is_ssl or self.cfg.proxy_protocol != "off":
            sys.exit(
                "This worker does not support TLS or the PROXY protocol. "
                "Terminate them in the proxy, or set WEB_WORKER=gthread."
            )
        self.alive = True
        self.connections: dict[int, Connection] = {}
        # Popping a connection claims it for the thread.
        self.waiting: dict[int, Connection] = {}
        body = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        self.budget = MemoryBudget(max(BUDGET_BYTES, BUDGET_BODIES * body))
        self.deadlines = Deadlines(
            head=settings.WEB_HEAD_SECONDS,
            body=settings.WEB_BODY_SECONDS,
            response=settings.WEB_ANSWER_SECONDS,
            idle=self.cfg.keepalive,
        )
        self.access_log = AccessLog(self.log, self.cfg.access_log_format)
        self.limits = Limits.of(self.cfg, body=body)
        self.shared: Environ = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": "",
            "SERVER_PORT": "",
            "SERVER_SOFTWARE": "gunicorn",
            "wsgi.errors": sys.stderr,
            "wsgi.input_terminated": True,
            "wsgi.multiprocess": self.cfg.workers > 1,
            "wsgi.multithread": True,
            "wsgi.run_once": False,
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
        }
        self.scheme_headers = tuple(
            (f"HTTP_{name.replace('-', '_')}", value)
            for name, value in self.cfg.secure_scheme_headers.items()
        )

    def run(self) -> None:
        """Serve until shutdown, then complete pending requests."""
        self.epoll = select.epoll()
        self.main_epoll = select.epoll()
        self.main_epoll.register(self.PIPE[0], select.EPOLLIN)
        self.listeners = {listener.fileno(): listener for listener in self.sockets}
        self.accepts = False
        self.next_sweep = 0.0
        self.threads = [
            threading.Thread(target=self._serve, daemon=True) for _number in range(self.cfg.threads)
        ]
        for thread in self.threads:
            thread.start()
        while self.alive:
            self.notify()
            if not self._has_room():
                self._make_room()
            self._set_accepting(wanted=self._has_room())
            # Until accepting was off, the end of a connection did not wake this thread.
            if self.accepts or not self._has_room():
                self._tick()
            if self.ppid != os.getppid():
                self.log.info("Parent changed, shutting down: %s", self)
                self.alive = False
        self._stop()

    def _tick(self) -> None:
        """Accept connections for up to a second, and expire overdue ones."""
        with suppress(InterruptedError):
            for descriptor, _events in self.main_epoll.poll(TICK_SECONDS):
                if descriptor in self.listeners:
                    self._accept(self.listeners[descriptor])
                else:
                    os.read(descriptor, READ_BYTES)
        now = time.monotonic()
        if now >= self.next_sweep:
            self.next_sweep = now + TICK_SECONDS
            for connection in list(self.waiting.values()):
                if connection.deadline <= now and self._claim(connection):
                    self._expire(connection)

    def _has_room(self) -> bool:
        return len(self.connections) < int(self.cfg.worker_connections)

    def _make_room(self) -> None:
        """Close a connection without a complete request, to accept new ones.

        Chooses the one that has been idle longest; if there is none, the one that has waited
        longest for the rest of a head, then of a body.
        """
        waiting = list(self.waiting.values())
        unused = [each for each in waiting if each.is_idle]
        since = attrgetter("since")
        heads = sorted((each for each in waiting if each.phase is Phase.HEAD), key=since)
        bodies = sorted((each for each in waiting if each.phase is Phase.BODY), key=since)
        for connection in (*sorted(unused, key=since), *heads, *bodies):
            if not self._claim(connection):
                continue
            if connection.has_no_data():
                self._expire(connection)
                return
            # A request has arrived that no thread has read.
            self._wait(connection, READABLE)

    def _stop(self) -> None:
        until = time.monotonic() + self.cfg.graceful_timeout
        for listener in self.listeners.values():
            while self._has_room() and self._accept(listener):
                self.notify()
        self._set_accepting(wanted=False)
        for listener in self.listeners.values():
            listener.close()
        while self.connections and time.monotonic() < until and self._has_threads():
            self.notify()
            linger_until = time.monotonic() + STOP_SECONDS
            for connection in list(self.waiting.values()):
                if connection.is_idle:
                    connection.deadline = min(connection.deadline, linger_until)
            self._tick()

    def _has_threads(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)

    def _set_accepting(self, *, wanted: bool) -> None:
        if wanted != self.accepts:
            for descriptor, listener in self.listeners.items():
                if wanted:
                    listener.settimeout(0)
                    self.main_epoll.register(descriptor, ACCEPTABLE)
                else:
                    self.main_epoll.unregister(descriptor)
            self.accepts = wanted

    def _accept(self, listener: socket.socket) -> bool:
        """Accept one connection; return whether there was one."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in EXHAUSTED:
                # Avoids a busy loop until other connections close.
                self.log.warning(
                    "%s: raise the limit, or lower worker_connections.", error.strerror
                )
                time.sleep(TICK_SECONDS / 10)
            elif error.errno not in NO_CONNECTION:
                raise
            return False
        sock.settimeout(0)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        parser = RequestParser(self._peer(listener, address), self.limits)
        connection = Connection(sock, parser, self.budget, self.deadlines)
        self.connections[connection.descriptor] = self.waiting[connection.descriptor] = connection
        # From here on the threads own the connection. epoll(7) always reports a reset.
        self.epoll.register(connection.descriptor, READABLE)
        return True

    def _peer(self, listener: socket.socket, address: Any) -> Peer:
        """Return the WSGI environment of a connection, as gunicorn builds it."""
        environ: Environ = self.shared | {"REMOTE_ADDR": ""}
        is_trusted = True
        if isinstance(address, tuple):
            name, port, *_scope = listener.getsockname()
            environ |= {"SERVER_NAME": name, "SERVER_PORT": str(port)}
            environ |= {"REMOTE_ADDR": address[0], "REMOTE_PORT": str(address[1])}
            is_trusted = "*" in self.cfg.forwarded_allow_ips or any(
                ip_address(address[0]) in network for network in self.cfg.forwarded_allow_networks()
            )
        return Peer(environ, self.scheme_headers if is_trusted else ())

    def _serve(self) -> None:
        try:
            while True:
                self._serve_next()
        finally:
            # The error handler itself failed, as it may without memory. A worker with fewer threads
            # would pass health checks while its capacity shrinks, so gunicorn must replace it.
            self.alive = False
            self._wake()

    def _serve_next(self) -> None:
        for descriptor, _events in self.epoll.poll(maxevents=1):
            connection = self.waiting.pop(descriptor, None)
            if connection is None:
                continue
            with connection.handover:
                # Wait until the thread that rearmed the connection has released it.
                pass
            try:
                self._process(connection)
            except OSError:
                # The client has disconnected, or exceeded a limit.
                self._close(connection)
            except Exception:
                # A defect; the thread must continue. Closed first: logging may need the memory.
                self._close(connection)
                self.log.exception("Error handling a connection")

    def _process(self, connection: Connection) -> None:
        """Read, respond or send, as the connection is ready. Raises `OSError` if it is broken."""
        parser = connection.parser
        if connection.is_lingering:
            if connection.discard():
                self._wait(connection, READABLE)
            else:
                self._close(connection)
            return
        if connection.has_unsent:
            is_sent = connection.resume()
        elif parser.requests or parser.refusal or connection.receive():
            is_sent = self._respond(connection)
        else:
            self._close(connection)
            return
        if not is_sent:
            self._wait(connection, WRITABLE)
        elif connection.is_last:
            connection.linger()
            self._wait(connection, READABLE)
        else:
            connection.update_deadline()
            connection.send_continue()
            # Pipelined requests take turns with other connections, for fairness.
            has_more = parser.requests or parser.refusal
            self._wait(connection, WRITABLE if has_more else READABLE)

    def _respond(self, connection: Connection) -> bool:
        """Process the next complete request; return whether everything is sent."""
        parser = connection.parser
        if parser.requests:
            return self._handle(connection, parser.requests.popleft())
        if parser.refusal:
            address = parser.peer.environ["REMOTE_ADDR"]
            request_id = _request_id(parser.unfinished)
            with bound_contextvars(**{REQUEST_ID: request_id}):
                self.log.info("Refused %s: %d %s", address, parser.refusal.status, parser.refusal)
            connection.is_last = True
            return connection.send(refusal(parser.refusal, request_id))
        return True

    def _handle(self, connection: Connection, request: Request) -> bool:
        started = datetime.now()  # noqa: DTZ005 - only the difference is logged
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.alive = False
            self._wake()
        keeps_alive = request.keeps_alive and self.alive and bool(self.cfg.keepalive)
        connection.is_last = not keeps_alive
        try:
            response = Response(self.wsgi, request)
        except BaseException:
            # Already bound, unless the error precedes our middleware.
            request_id = current_request_id() or _request_id(request.environ)
            with bound_contextvars(**{REQUEST_ID: request_id}):
                self.log.exception("Error handling a request")
            unbind_contextvars(REQUEST_ID)
            connection.is_last = True
            return connection.send(refusal(INTERNAL_ERROR, request_id))
        is_sent = connection.respond(response, keeps_alive=keeps_alive)
        took = datetime.now() - started  # noqa: DTZ005
        self.access_log.write(response, request, took)
        return is_sent

    def _expire(self, connection: Connection) -> None:
        """Close a connection; send 408 first if a request has arrived in part."""
        if connection.has_partial_request:
            with suppress(OSError):
                request_id = _request_id(connection.parser.unfinished)
                connection.send(refusal(TIMED_OUT, request_id))
        self._close(connection)

    def _wait(self, connection: Connection, events: int) -> None:
        """Rearm the connection in epoll; this thread no longer owns it."""
        with connection.handover:
            self.waiting[connection.descriptor] = connection
            self.epoll.modify(connection.descriptor, events)

    def _claim(self, connection: Connection) -> bool:
        """Claim a waiting connection; return False if another thread owns it."""
        with connection.handover:
            return self.waiting.pop(connection.descriptor, None) is connection

    def _close(self, connection: Connection) -> None:
        """Close a connection that this thread owns."""
        # Before closing, which frees the descriptor for another connection.
        self.connections.pop(connection.descriptor, None)
        try:
            connection.close()
        except Exception:
            # Raised by the `close` of the application's iterable.
            self.log.exception("Error closing a connection")
        if not (self.alive and self.accepts):
            self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self.PIPE[1], b".")


def _request_id(environ: Environ) -> str:
    return request_id_from(environ, trusted_proxies=settings.TRUSTED_PROXIES)
