"""The supervisor of `make run` as a process, for end-to-end tests."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INHERITED = ("PATH", "HOME", "LANG")
TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Demo:
    """A running supervisor and its output file."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait_until_ready(self) -> str:
        """Wait for the end of the welcome; return the output so far."""
        deadline = time.monotonic() + TIMEOUT
        while "Ctrl-C stops everything" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)
        return self.output


@contextmanager
def demo(data_dir: Path, port: int, **environ: str) -> Iterator[Demo]:
    """Run the supervisor within the block."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    log = data_dir.with_suffix(".log")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "core.dev.demo"],
            env=inherited | {"DATA_DIR": str(data_dir), "PORT": str(port)} | environ,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Demo(process, log)
    finally:
        process.terminate()
        process.wait(timeout=TIMEOUT)
