"""Separate Redis servers, which a test may stop."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
