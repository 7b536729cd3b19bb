"""Separate Redis servers, which a test may stop, and one that is none."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event
from typing import Final

from core.dev.embedded import _redis_executable


def start_redis(socket: Path) -> "subprocess.Popen[bytes]":
    """Start a server without data; return when it listens."""
    socket.unlink(missing_ok=True)
    process = subprocess.Popen(
        [_redis_executable(), "--port", "0", "--unixsocket", socket, "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    while not socket.exists():
        time.sleep(0.01)
    return process


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a server; return when it has ended."""
    process.kill()
    process.wait()


@contextmanager
def redis_server(directory: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a server within the block; yield its URL and its process."""
    path = directory / "redis.sock"
    process = start_redis(path)
    try:
        yield f"unix://{path}", process
    finally:
        kill(process)


# Less than the shortest time-out of a client's socket.
PAUSE_SECONDS: Final = 0.05


class Drip(StreamRequestHandler):
    """Replies a byte at a time, until the server stops."""

    server: "DripServer"

    def handle(self) -> None:
        self.server.calls += 1
        self.request.recv(1_000)
        with suppress(OSError):
            written = time.monotonic()
            while not self.server.stopped.wait(0.01):
                self.wfile.write(b"$")
                self.server.pauses += time.monotonic() - written > PAUSE_SECONDS
                written = time.monotonic()


class DripServer(ThreadingTCPServer):
    """A server whose replies do not end."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Drip)
        self.calls, self.stopped = 0, Event()
        # How often a busy machine kept a client waiting, which may then have given up.
        self.pauses = 0
