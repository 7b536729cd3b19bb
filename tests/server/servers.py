"""Gunicorn on a free port, and connections to it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

from core.dev.ports import free_port
from tests.support.service_processes import without_owner

HOST = "127.0.0.1"
PATIENCE = 120
ECHO = "tests.server.echo:application"


@dataclass
class Server:
    """A gunicorn with one worker, and connections to it."""

    process: subprocess.Popen[bytes]
    port: int
    connections: ExitStack

    def connect(self) -> HTTPConnection:
        connection = HTTPConnection(HOST, self.port, timeout=PATIENCE)
        connection.connect()
        self.connections.callback(connection.close)
        return connection

    def listens(self) -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex((HOST, self.port)) == 0


@contextmanager
def serving(arguments: str = "", *application: str, **environ: str) -> Iterator[Server]:
    """Run gunicorn with additional arguments and variables."""
    port = free_port()
    environ |= {"BIND": f"{HOST}:{port}", "WEB_CONCURRENCY": "1", "GUNICORN_CMD_ARGS": arguments}
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", *application]
    with (
        subprocess.Popen(command, env=without_owner() | environ) as process,
        ExitStack() as connections,
    ):
        server = Server(process, port, connections)
        try:
            deadline = time.monotonic() + PATIENCE
            while not server.listens():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield server
        finally:
            process.terminate()
