"""Redis servers that a test may stop."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.dev.embedded import _redis_executable


@contextmanager
def redis_server(directory: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a separate Redis until the block ends."""
    path = directory / "redis.sock"
    process = subprocess.Popen(
        [_redis_executable(), "--port", "0", "--unixsocket", path, "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    while not path.exists():
        time.sleep(0.01)
    try:
        yield f"unix://{path}", process
    finally:
        process.kill()
        process.wait()
