"""gunicorn's threaded worker, in which threads wait for connections themselves."""

import select
import socket
import threading
import time
from typing import Any, Final

from gunicorn.workers.gthread import (  # type: ignore[import-untyped]
    STOP_KEEPALIVE_LINGER,
    ThreadWorker,
)

# Told to one thread, and then to nobody until somebody waits for it again.
READABLE: Final = select.EPOLLIN | select.EPOLLONESHOT


class Connection(socket.socket):
    """A connection that spares system calls.

    gunicorn sets the time-out of a connection five times a request and sends the headers apart
    from the body. At each of these calls another thread may take the interpreter. Here time-outs
    are set when something is to wait by them, and headers are sent along with what follows them.
    """

    def __init__(self, accepted: socket.socket) -> None:
        """Take the place of what was accepted."""
        super().__init__(fileno=accepted.detach())
        super().settimeout(None)
        self._is_set_to: float | None = None
        self._timeout: float | None = None
        # None while nothing is held back.
        self._headers: bytes | None = None

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001 - the signature of sockets
        """Wait for ever, or not at all."""
        self._timeout = None if flag else 0.0

    def settimeout(self, value: float | None) -> None:
        """Wait for so many seconds from the next call on."""
        self._timeout = value

    def gettimeout(self) -> float | None:
        """Return what was set."""
        return self._timeout

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Receive."""
        self._set_timeout()
        return super().recv(bufsize, flags)

    def hold_headers(self) -> None:
        """Keep what is sent next until more is sent, or `release` is called."""
        self._headers = b""

    def release(self) -> None:
        """Send what is held."""
        headers, self._headers = self._headers, None
        if headers and self.fileno() >= 0:
            self.sendall(headers)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send, or hold."""
        if self._headers is not None:
            if not self._headers:
                self._headers = bytes(data)
                return
            data, self._headers = self._headers + data, None
        self._set_timeout()
        super().sendall(data, flags)

    def sendfile(self, *arguments: Any, **options: Any) -> int:
        """Send a file behind the headers."""
        self.release()
        self._set_timeout()
        return super().sendfile(*arguments, **options)

    def _set_timeout(self) -> None:
        if self._timeout != self._is_set_to:
            self._is_set_to = self._timeout
            super().settimeout(self._timeout)


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
        if self.nr_conns > self.max_keepalived:
            req.force_close()
        conn.sock.hold_headers()
        try:
            kept: bool = super().handle_request(req, conn)
        finally:
            conn.sock.release()
        return kept

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
