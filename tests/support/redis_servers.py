"""Separate Redis servers, which a test may stop, and one that is none."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event
from typing import Final, Self

from redis import Redis

from core.dev.embedded import _redis_executable


class RedisServer:
    """A server without data."""

    def __init__(self, directory: Path) -> None:
        """Take the directory of its socket; nothing is started."""
        self.socket = directory / "redis.sock"
        self.url = f"unix://{self.socket}"

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Run the server within the block, which may kill, stop and start it."""
        try:
            self.start()
            yield self
        finally:
            self.kill()

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def start(self) -> None:
        """Start the server; return when it listens."""
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [_redis_executable(), "--port", "0", "--unixsocket", self.socket, "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        while not self.socket.exists():
            assert not self.has_ended, "Redis ended"
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill the server; return when it has ended."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Have the server accept connections, and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have the server answer again."""
        self.process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        with Redis(unix_socket_path=str(self.socket)) as redis:
            redis.flushall()


class RedisBroker(RedisServer):
    """Redis, by the URL of a broker."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.url = f"redis+socket://{self.socket}?virtual_host=0"


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
