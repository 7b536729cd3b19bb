"""A syslog server of a test, over TCP or TLS."""

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Syslog:
    """What a server has received."""

    port: int = 0
    messages: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The messages' JSON."""
        return [json.loads(message.split(" - audit - ", 1)[1]) for message in self.messages]


@contextmanager
def syslog_server(tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Syslog]:
    """Run a server on a port of this machine until the block ends."""
    syslog = Syslog()

    class Handler(socketserver.BaseRequestHandler):
        """Reads messages that begin with their lengths, until the client ends."""

        def handle(self) -> None:
            # The client may refuse the certificate.
            with suppress(OSError):
                self._read(tls.wrap_socket(self.request, server_side=True) if tls else self.request)

        def _read(self, connection: Any) -> None:
            with connection, connection.makefile("rb") as file:
                while length := _length(file):
                    syslog.messages.append(file.read(length).decode())
                if tls:
                    connection.unwrap()

    class Server(socketserver.TCPServer):
        allow_reuse_address = True

    with Server(("127.0.0.1", port), Handler) as server:
        syslog.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield syslog
        finally:
            server.shutdown()
            thread.join()


def _length(file: Any) -> int:
    digits = b""
    while (digit := file.read(1)) not in {b" ", b""}:
        digits += digit
    return int(digits or 0)
