"""A gunicorn worker whose threads serve requests and never wait for a client."""

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

from django.conf import settings
from gunicorn.workers.base import Worker as BaseWorker  # type: ignore[import-untyped]
from structlog.contextvars import bound_contextvars, unbind_contextvars

from core.server.answers import Answer, refusal
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
from core.web.request_id import KEY as REQUEST_ID
from core.web.request_id import current_request_id, request_id_from

# Told to one thread, and to no other until the connection is waited for again.
READABLE: Final = select.EPOLLIN | select.EPOLLONESHOT
WRITABLE: Final = select.EPOLLOUT | select.EPOLLONESHOT
# Told to every process that shares a listening socket: with EPOLLEXCLUSIVE a process that hangs
# would be the only one to learn of some connections.
ACCEPTABLE: Final = select.EPOLLIN
# How long a stopping worker waits for a request that may be on its way.
STOP_SECONDS: Final = 2.0
TICK_SECONDS: Final = 1.0
# What accept(2) says if there is no connection (any more).
GONE: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED})
LATE: Final = RefusedRequestError(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")
BROKEN: Final = RefusedRequestError(
    HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side."
)
# What it says if there is no room for one.
FULL: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# How much all connections together may hold of large bodies and of answers not yet sent: so many
# bytes, or so many bodies of the largest size.
HELD_BYTES: Final = 67_108_864
HELD_BODIES: Final = 4


class Worker(BaseWorker):  # type: ignore[misc]
    """Serves HTTP/1.1 with `threads` threads.

    The main thread accepts connections and looks after deadlines. All other threads wait at one
    epoll(7), and the kernel hands each ready connection to one of them, which reads what is there,
    answers a request that is complete, sends what the client takes, and waits for the next
    connection. So neither a slow nor a silent client occupies a thread, and no request is passed
    from one thread to another, which takes gunicorn's own worker a fifth of its time.

    Told to stop, it answers what was begun, takes the connections that wait to be accepted, and
    refuses later ones, so that a proxy tries the next replica.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take gunicorn's arguments. Raises `SystemExit` for what only its own workers offer."""
        super().__init__(*args, **kwargs)
        if self.cfg.is_ssl or self.cfg.proxy_protocol != "off":
            sys.exit(
                "TLS and the PROXY protocol are for the proxy in front, or WEB_WORKER=gthread."
            )
        self.alive = True
        self.connections: dict[int, Connection] = {}
        # The thread that takes a connection out of here has it to itself.
        self.waiting: dict[int, Connection] = {}
        body = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        self.budget = MemoryBudget(max(HELD_BYTES, HELD_BODIES * body))
        self.deadlines = Deadlines(
            head=settings.WEB_HEAD_SECONDS,
            body=settings.WEB_BODY_SECONDS,
            answer=settings.WEB_ANSWER_SECONDS,
            idle=self.cfg.keepalive,
        )
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
        """Serve until told to stop, and then finish what was begun."""
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
            if len(self.connections) >= self.cfg.worker_connections:
                self._make_room()
            self._set_accepting(wanted=len(self.connections) < self.cfg.worker_connections)
            self._tick()
            if self.ppid != os.getppid():
                self.log.info("Parent changed, shutting down: %s", self)
                self.alive = False
        self._stop()

    def _tick(self) -> None:
        """Accept what comes within a moment, and expire what is overdue."""
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

    def _make_room(self) -> None:
        """Close a connection without a whole request, so that those cannot keep others out.

        It is the one that is unused for longest, or else waits for longest for the rest of a head,
        or of a body.
        """
        waiting = list(self.waiting.values())
        unused = [each for each in waiting if each.is_unused]
        since = attrgetter("since")
        heads = sorted((each for each in waiting if each.phase is Phase.HEAD), key=since)
        bodies = sorted((each for each in waiting if each.phase is Phase.BODY), key=since)
        for connection in (*sorted(unused, key=since), *heads, *bodies):
            if not self._claim(connection):
                continue
            if connection.is_silent():
                self._expire(connection)
                return
            # A request has come, but no thread to it yet.
            self._wait(connection, READABLE)

    def _stop(self) -> None:
        until = time.monotonic() + self.cfg.graceful_timeout
        for listener in self.listeners.values():
            while len(self.connections) < self.cfg.worker_connections and self._accept(listener):
                self.notify()
        self._set_accepting(wanted=False)
        for listener in self.listeners.values():
            listener.close()
        while self.connections and time.monotonic() < until and self._has_threads():
            self.notify()
            linger_until = time.monotonic() + STOP_SECONDS
            for connection in list(self.waiting.values()):
                if connection.is_unused:
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
        """Take a new connection; return whether there was one."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in FULL:
                # Others have to end before there is room again.
                self.log.warning("%s: raise the limit, or lower the connections.", error.strerror)
                time.sleep(TICK_SECONDS / 10)
            elif error.errno not in GONE:
                raise
            return False
        sock.settimeout(0)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        parser = RequestParser(self._peer(listener, address), self.limits)
        connection = Connection(sock, parser, self.budget, self.deadlines)
        self.connections[connection.descriptor] = self.waiting[connection.descriptor] = connection
        # From here on it is the threads'. epoll(7) tells them of a reset whatever is asked for.
        self.epoll.register(connection.descriptor, READABLE)
        return True

    def _peer(self, listener: socket.socket, address: Any) -> Peer:
        """Describe the two ends of a connection as gunicorn does."""
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
            # Not even the error could be handled, as without memory. A worker with a thread less
            # would look well and serve ever fewer, so gunicorn is to start another.
            self.alive = False
            self._wake()

    def _serve_next(self) -> None:
        for descriptor, _events in self.epoll.poll(maxevents=1):
            connection = self.waiting.pop(descriptor, None)
            if connection is None:
                continue
            with connection.handover:
                # The thread that put it there is done with it.
                pass
            try:
                self._process(connection)
            except OSError:
                # The client is gone, or was given up.
                self._close(connection)
            except Exception:
                # An error of ours; the thread has others to serve. The memory is needed to tell it.
                self._close(connection)
                self.log.exception("Error handling a connection")

    def _process(self, connection: Connection) -> None:
        """Do what a connection is ready for. Raises `OSError` if it is broken."""
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
        elif connection.ends:
            connection.linger()
            self._wait(connection, READABLE)
        else:
            connection.note_phase()
            connection.send_continue()
            # What was sent behind a request is answered in turn with other connections.
            has_more = parser.requests or parser.refusal
            self._wait(connection, WRITABLE if has_more else READABLE)

    def _respond(self, connection: Connection) -> bool:
        """Answer the next request if it is complete; return whether nothing is left to be sent."""
        parser = connection.parser
        if parser.requests:
            return self._answer(connection, parser.requests.popleft())
        if parser.refusal:
            address = parser.peer.environ["REMOTE_ADDR"]
            request_id = _request_id(parser.unfinished)
            with bound_contextvars(**{REQUEST_ID: request_id}):
                self.log.info("Refused %s: %d %s", address, parser.refusal.status, parser.refusal)
            connection.ends = True
            return connection.send(refusal(parser.refusal, request_id))
        return True

    def _answer(self, connection: Connection, request: Request) -> bool:
        started = datetime.now()  # noqa: DTZ005 - gunicorn's log is told the difference
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.alive = False
            self._wake()
        keeps_alive = request.keeps_alive and self.alive and bool(self.cfg.keepalive)
        connection.ends = not keeps_alive
        try:
            answer = Answer(self.wsgi, request)
        except BaseException:
            # Bound already, unless the error came before our middleware.
            request_id = current_request_id() or _request_id(request.environ)
            with bound_contextvars(**{REQUEST_ID: request_id}):
                self.log.exception("Error handling a request")
            unbind_contextvars(REQUEST_ID)
            connection.ends = True
            return connection.send(refusal(BROKEN, request_id))
        is_sent = connection.answer(answer, keeps_alive=keeps_alive)
        took = datetime.now() - started  # noqa: DTZ005
        self.log.access(answer, request, request.loggable, took)
        return is_sent

    def _expire(self, connection: Connection) -> None:
        """End a connection that was waited for long enough, or that keeps others out."""
        if connection.is_amid_request:
            with suppress(OSError):
                request_id = _request_id(connection.parser.unfinished)
                connection.send(refusal(LATE, request_id))
        self._close(connection)

    def _wait(self, connection: Connection, events: int) -> None:
        """Let any thread have the connection once it is ready, and this one no more."""
        with connection.handover:
            self.waiting[connection.descriptor] = connection
            self.epoll.modify(connection.descriptor, events)

    def _claim(self, connection: Connection) -> bool:
        """Have a connection that is waited for to itself; return False if another thread has it."""
        with connection.handover:
            return self.waiting.pop(connection.descriptor, None) is connection

    def _close(self, connection: Connection) -> None:
        """Close a connection that this thread has to itself."""
        # Before the descriptor is free for another connection.
        self.connections.pop(connection.descriptor, None)
        try:
            connection.close()
        except Exception:
            # Of the application, which is told that its answer is not needed any more.
            self.log.exception("Error closing a connection")
        if not self.alive:
            self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self.PIPE[1], b".")


def _request_id(environ: Environ) -> str:
    return request_id_from(environ, trusted_proxies=settings.TRUSTED_PROXIES)
