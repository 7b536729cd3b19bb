"""A gunicorn worker whose threads never block on a client."""

import errno
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from importlib import import_module
from typing import Any, Final

from gunicorn.workers.base import Worker as BaseWorker  # type: ignore[import-untyped]
from structlog.contextvars import bound_contextvars, unbind_contextvars

from core.cached_settings import settings
from core.request_id import KEY as REQUEST_ID
from core.request_id import current_request_id, request_id_from
from core.server.access_log import AccessLog
from core.server.admission import Admission, Admitted
from core.server.connections import Connection, Deadlines, MemoryBudget, by_use
from core.server.peers import Peers
from core.server.probes import LIVEZ, READYZ, ReadinessThread, livez, overloaded, readyz
from core.server.requests import (
    READ_BYTES,
    Environ,
    Limits,
    RefusedRequestError,
    Request,
    RequestParser,
)
from core.server.responses import Application, Response, refusal
from engine.deadline import disconnect_overdue

# One-shot: epoll reports an event to one thread, and none until the connection is rearmed.
READABLE: Final = select.EPOLLIN | select.EPOLLONESHOT
WRITABLE: Final = select.EPOLLOUT | select.EPOLLONESHOT
# Reported to every process that shares a listening socket: with EPOLLEXCLUSIVE, some connections
# would be reported only to a process that hangs.
ACCEPTABLE: Final = select.EPOLLIN
# How long a stopping worker waits for a request in transit.
STOP_SECONDS: Final = 2.0
TICK_SECONDS: Final = 1.0
# How often the main thread takes over from threads that are all busy: what is ready for longer has
# not been read by any of them. A probe waits no longer than that.
WATCH_SECONDS: Final = 0.02
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


class Worker(BaseWorker):  # type: ignore[misc]
    """Serves HTTP/1.1 with `threads` threads.

    The main thread accepts connections and enforces deadlines. The other threads wait on one
    epoll(7) instance, and the kernel hands each ready connection to one of them. That thread reads
    the available data, processes a complete request, sends as much as the client accepts, and waits
    again. So a slow or silent client occupies no thread, and a request stays in one thread;
    handing requests over takes a fifth of the time of gunicorn's own worker.

    While all threads are busy, the main thread reads in their place: it answers /livez, queues
    other requests for the threads, and answers 503 to those beyond the bounds of the queue. A
    thread of its own answers /readyz. So probes do not wait for requests.

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
        self.budget = MemoryBudget.of_bodies(body)
        self.deadlines = Deadlines.of_settings(idle=self.cfg.keepalive)
        self.access_log = AccessLog(self.log, self.cfg.access_log_format)
        self.limits = Limits.of(self.cfg, body=body)
        self.peers = Peers(self.cfg)

    def run(self) -> None:
        """Serve until shutdown, then complete pending requests."""
        self.epoll = select.epoll()
        self.main_epoll = select.epoll()
        self.main_epoll.register(self.PIPE[0], select.EPOLLIN)
        self.listeners = {listener.fileno(): listener for listener in self.sockets}
        self.accepts = False
        self.next_sweep = self.next_watch = 0.0
        self.admission = Admission(
            self.cfg.threads,
            length=settings.WEB_QUEUE_LENGTH,
            seconds=settings.WEB_QUEUE_SECONDS,
            on_all_busy=self._wake,
        )
        self.shedding = import_module("core.server.shedding")
        self.readiness = ReadinessThread(self._answer_readiness, self.log)
        self.readiness.start()
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
        is_watching = self.admission.is_watching
        with suppress(InterruptedError):
            for descriptor, _events in self.main_epoll.poll(
                WATCH_SECONDS if is_watching else TICK_SECONDS
            ):
                if descriptor in self.listeners:
                    self._accept(self.listeners[descriptor])
                else:
                    os.read(descriptor, READ_BYTES)
        now = time.monotonic()
        if not is_watching:
            self.next_watch = now + WATCH_SECONDS
        elif now >= self.next_watch:
            self._watch(now)
            self.next_watch = now + WATCH_SECONDS
        if now >= self.next_sweep:
            self.next_sweep = now + TICK_SECONDS
            for connection in list(self.waiting.values()):
                if connection.deadline <= now and self._claim(connection):
                    self._expire_unless_unread(connection)
            disconnect_overdue()

    def _has_room(self) -> bool:
        return len(self.connections) < int(self.cfg.worker_connections)

    def _make_room(self) -> None:
        """Close a connection without a complete request, to accept new ones."""
        for connection in by_use(self.waiting.values()):
            if not self._claim(connection):
                continue
            if self._expire_unless_unread(connection):
                return

    def _expire_unless_unread(self, connection: Connection) -> bool:
        """Expire a claimed connection, unless it waits for a thread, not for its client.

        A request has arrived then, at least in part, that no thread has read. Returns whether it
        expired.
        """
        if connection.phase is None or connection.has_no_data():
            self._expire(connection)
            return True
        self._wait(connection, READABLE)
        return False

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
        parser = RequestParser(self.peers.peer(listener, address), self.limits)
        connection = Connection(sock, parser, self.budget, self.deadlines)
        self.connections[connection.descriptor] = self.waiting[connection.descriptor] = connection
        # From here on the threads own the connection. epoll(7) always reports a reset.
        self.epoll.register(connection.descriptor, READABLE)
        return True

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
        queued = self.admission.finish()
        if queued is not None:
            self._own(connection=queued, step=self._process)
            return
        events = self.epoll.poll(maxevents=1)
        self.admission.begin()
        for descriptor, _events in events:
            self._take(descriptor, self._process)

    def _watch(self, now: float) -> None:
        """Read in place of the threads, which are all busy, and bound the queue."""
        for descriptor, _events in self.epoll.poll(0):
            self._take(descriptor, partial(self._process, all_busy=True))
        for connection in self.admission.take_overdue(now):
            self.shedding.WAITED.inc()
            self._own(connection, partial(self._answer, application=overloaded))
        self.admission.stop_watching()

    def _take(self, descriptor: int, step: Callable[[Connection], None]) -> None:
        """Claim a connection that epoll reported, and own it for the step."""
        connection = self.waiting.pop(descriptor, None)
        if connection is None:
            return
        with connection.handover:
            # Wait until the thread that rearmed the connection has released it.
            pass
        self._own(connection, step)

    def _own(self, connection: Connection, step: Callable[[Connection], None]) -> None:
        """Call a step of a connection that this thread owns; close it after an error."""
        try:
            step(connection)
        except OSError:
            # The client has disconnected, or exceeded a limit.
            self._close(connection)
        except Exception:
            # A defect; the thread must continue. Closed first: logging may need the memory.
            self._close(connection)
            self.log.exception("Error handling a connection")

    def _process(self, connection: Connection, *, all_busy: bool = False) -> None:
        """Read, respond or send, as the connection is ready. Raises `OSError` if it is broken.

        If the threads are ``all_busy``, the main thread calls this, and must not wait.
        """
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
            if parser.requests:
                self._dispatch(connection, all_busy=all_busy)
                return
            is_sent = self._refuse(connection)
        else:
            self._close(connection)
            return
        self._continue(connection, is_sent=is_sent)

    def _dispatch(self, connection: Connection, *, all_busy: bool) -> None:
        """Process the next complete request here, or leave it to another thread."""
        path = connection.parser.requests[0].environ["PATH_INFO"]
        if path == READYZ:
            self.readiness.put(connection)
        elif path == LIVEZ:
            self._answer(connection, livez)
        elif not all_busy:
            self._answer(connection, self.wsgi)
        else:
            admitted = self.admission.admit(connection)
            if admitted is Admitted.BY_IDLE_THREAD:
                self._wait(connection, WRITABLE)
            elif admitted is Admitted.NOT:
                self.shedding.QUEUE_FULL.inc()
                self._answer(connection, overloaded)

    def _answer(self, connection: Connection, application: Application) -> None:
        """Process the next complete request by an application."""
        request = connection.parser.requests.popleft()
        self._continue(connection, is_sent=self._handle(connection, request, application))

    def _answer_readiness(self, connection: Connection, problem: str | None) -> None:
        """Answer /readyz, in the thread that has checked it."""
        self._own(connection, partial(self._answer, application=partial(readyz, problem)))

    def _continue(self, connection: Connection, *, is_sent: bool) -> None:
        """Wait for what is next on the connection."""
        parser = connection.parser
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

    def _refuse(self, connection: Connection) -> bool:
        """Refuse what cannot be parsed, if anything; return whether everything is sent."""
        parser = connection.parser
        if parser.refusal:
            address = parser.peer.environ["REMOTE_ADDR"]
            request_id = _request_id(parser.unfinished)
            with bound_contextvars(**{REQUEST_ID: request_id}):
                self.log.info("Refused %s: %d %s", address, parser.refusal.status, parser.refusal)
            connection.is_last = True
            path = parser.unfinished.get("PATH_INFO", "")
            return connection.send(refusal(parser.refusal, request_id, path))
        return True

    def _handle(self, connection: Connection, request: Request, application: Application) -> bool:
        """Respond to a request by an application; return whether everything is sent."""
        started = time.perf_counter()
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.alive = False
            self._wake()
        keeps_alive = request.keeps_alive and self.alive and bool(self.cfg.keepalive)
        connection.is_last = not keeps_alive
        try:
            response = Response(application, request)
        except BaseException:
            # Already bound, unless the error precedes our middleware.
            request_id = current_request_id() or _request_id(request.environ)
            with bound_contextvars(**{REQUEST_ID: request_id}):
                self.log.exception("Error handling a request")
            unbind_contextvars(REQUEST_ID)
            connection.is_last = True
            return connection.send(refusal(INTERNAL_ERROR, request_id))
        is_sent = connection.respond(response, keeps_alive=keeps_alive)
        took = timedelta(seconds=time.perf_counter() - started)
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
