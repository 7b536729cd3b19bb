"""gunicorn's threaded worker, in which threads wait for connections themselves."""

import select
import socket
import threading
import time
from datetime import datetime
from typing import Any, Final

from gunicorn.http.wsgi import create  # type: ignore[import-untyped]
from gunicorn.workers.gthread import (  # type: ignore[import-untyped]
    STOP_KEEPALIVE_LINGER,
    ThreadWorker,
)

from core.plain import PlainParser, PlainRequest, PlainResponse

# Told to one thread, and then to nobody until somebody waits for it again.
READABLE: Final = select.EPOLLIN | select.EPOLLONESHOT


class Connection(socket.socket):
    """A connection that is told to wait, or not to, only when it does not do so already.

    gunicorn tells it before each request, and at each telling another thread may take the
    interpreter.
    """

    def __init__(self, accepted: socket.socket) -> None:
        """Take the place of what was accepted."""
        timeout = accepted.gettimeout()
        super().__init__(fileno=accepted.detach())
        super().settimeout(timeout)

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - the signature of sockets
        """Wait for ever, or not at all."""
        if flag != self.getblocking() or self.gettimeout():
            super().setblocking(flag)


class Worker(ThreadWorker):  # type: ignore[misc]
    """A threaded worker whose threads are handed requests by the kernel.

    gunicorn's own passes each request from its main thread to another, and each connection back:
    two changes of threads, which take a fifth of its time. Here the main thread accepts and ends
    connections, and all threads wait at one epoll(7).

    Told to stop, gunicorn's own also keeps its socket open while it ends the connections it has,
    and never looks at it again: what NGINX connects and sends meanwhile is lost when the socket
    closes at last, and a POST cannot be repeated. Here the waiting connections are taken and
    answered, and later ones are refused, so that NGINX tries the next replica.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take gunicorn's arguments."""
        super().__init__(*args, **kwargs)
        # Who takes a connection out of here has it to themselves.
        self.idle: dict[int, Any] = {}

    def run(self) -> None:
        """Serve until told to stop, and then what was begun."""
        self.epoll = select.epoll()
        for _number in range(self.cfg.threads):
            threading.Thread(target=self._serve, daemon=True).start()
        super().run()

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """Begin or end to accept connections; for good once the worker is to stop."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                while select.select([listener], [], [], 0)[0]:
                    self.accept(listener)
                listener.close()

    def enqueue_req(self, conn: Any) -> None:
        """Have the threads wait for what a new connection asks."""
        conn.sock = Connection(conn.sock)
        # What gunicorn itself would wait for in a thread.
        conn.data_ready = True
        self.epoll.register(conn.sock, 0)
        self._wait_for(conn)

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer a request; end the connection if there is hardly room for others."""
        if isinstance(req, PlainRequest):
            return self._answer_plainly(req, conn)
        if self.nr_conns > self.max_keepalived:
            req.force_close()
        kept: bool = super().handle_request(req, conn)
        if kept and not isinstance(conn.parser, PlainParser):
            _response, environ = create(req, conn.sock, conn.client, conn.server, self.cfg)
            conn.parser = PlainParser(conn.parser, environ, self.cfg.secure_scheme_headers)
        return kept

    def _answer_plainly(self, request: PlainRequest, conn: Any) -> bool:
        started = datetime.now()  # noqa: DTZ005 - gunicorn's log is told the difference
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
        keeps = self.alive and self.nr_conns <= self.max_keepalived
        response = PlainResponse(self.wsgi, request.environ)
        try:
            conn.sock.sendall(response.message(keeps_connection=keeps))
            took = datetime.now() - started  # noqa: DTZ005
            self.log.access(response, request, request.environ, took)
        finally:
            response.close()
        return keeps

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002
        """End the connections that nothing came by for too long; with ``force`` all."""
        now = time.monotonic()
        for descriptor in list(self.idle):
            conn = self.idle.get(descriptor)
            if conn is None:
                continue
            if not self.alive:
                conn.timeout = min(conn.timeout, now + STOP_KEEPALIVE_LINGER)
            if (force or conn.timeout <= now) and self.idle.pop(descriptor, None):
                conn.close()
                self.nr_conns -= 1

    def _wait_for(self, conn: Any) -> None:
        conn.set_timeout()
        descriptor = conn.sock.fileno()
        self.idle[descriptor] = conn
        self.epoll.modify(descriptor, READABLE)

    def _serve(self) -> None:
        while True:
            for descriptor, _events in self.epoll.poll(maxevents=1):
                conn = self.idle.pop(descriptor, None)
                if conn is not None:
                    self._answer(conn)

    def _answer(self, conn: Any) -> None:
        kept = self.handle(conn)
        while kept and conn.parser.unreader.buf.getvalue():
            kept = self.handle(conn)
        if kept:
            self._wait_for(conn)
        else:
            conn.close(graceful=True)
            self.method_queue.defer(self._forget_one)

    def _forget_one(self) -> None:
        self.nr_conns -= 1
