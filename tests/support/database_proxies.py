"""A TCP proxy of PostgreSQL, which hangs or is stopped on demand."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

from django.conf import settings

from core.dev.ports import free_port
from tests.support.service_processes import environ_of_tests

HOST: Final = "127.0.0.1"
BYTES: Final = 65_536


class DatabaseProxy:
    """Forwards connections to PostgreSQL, from one thread."""

    def __init__(self) -> None:
        """Choose a port that stays the same when the server is stopped and started."""
        self.port = free_port()
        self._is_hung = Event()
        self._is_over = Event()
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._listener: socket.socket | None = None

    @property
    def url(self) -> str:
        database = settings.DATABASES["default"]
        credentials = f"{database['USER']}:{database['PASSWORD']}"
        return f"postgresql://{credentials}@{HOST}:{self.port}/{database['NAME']}"

    def environ(self, **environ: str) -> dict[str, str]:
        """Return the environment of a process that connects through the proxy."""
        return environ_of_tests() | {"DATABASE_URL": self.url} | environ

    def hang(self) -> None:
        """Accept connections and data, and answer nothing."""
        self._is_hung.set()

    def resume(self) -> None:
        self._is_hung.clear()

    def stop(self) -> None:
        """Close all connections, and refuse others."""
        self._is_over.set()
        self._thread.join()
        for each in [*self._pairs, self._listener]:
            if each is not None:
                each.close()
        self._pairs.clear()

    def start(self) -> None:
        self._is_over.clear()
        self._listener = socket.create_server((HOST, self.port))
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        assert self._listener is not None
        while not self._is_over.is_set():
            if self._is_hung.is_set():
                self._is_over.wait(0.02)
                continue
            readable, _, _ = select.select([self._listener, *self._pairs], [], [], 0.02)
            for each in readable:
                if each is self._listener:
                    self._connect(each.accept()[0])
                elif each in self._pairs:
                    self._forward(each)

    def _connect(self, client: socket.socket) -> None:
        database = settings.DATABASES["default"]
        server = socket.socket(socket.AF_UNIX)
        name = f".s.PGSQL.{database['PORT'] or 5432}"
        server.connect(str(Path(database["HOST"]) / name))
        self._pairs |= {client: server, server: client}

    def _forward(self, source: socket.socket) -> None:
        data = b""
        with suppress(OSError):
            data = source.recv(BYTES)
            self._pairs[source].sendall(data)
        if not data:
            other = self._pairs.pop(source)
            del self._pairs[other]
            source.close()
            other.close()


@contextmanager
def database_proxy() -> Iterator[DatabaseProxy]:
    """Run a proxy within the block."""
    proxy = DatabaseProxy()
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.resume()
        proxy.stop()
