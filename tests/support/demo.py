"""The supervisor of `make run` or `make cluster` as a process, for end-to-end tests."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.dev.supervisor import OWNER

INHERITED = ("PATH", "HOME", "LANG")
TIMEOUT = 180


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
def demo(data_dir: Path, port: int, module: str = "demo", **environ: str) -> Iterator[Demo]:
    """Run a module of `core.dev` within the block."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    log = data_dir.with_suffix(".log")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", f"core.dev.{module}"],
            env=inherited | {"DATA_DIR": str(data_dir), "PORT": str(port)} | environ,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Demo(process, log)
    finally:
        process.terminate()
        process.wait(timeout=TIMEOUT)


def processes_of(data_dir: Path) -> list[str]:
    """Return the processes that use the directory, except zombies (containers without init)."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ", "status"]):
        owned = (process.info["environ"] or {}).get(OWNER) == str(data_dir)
        mentions = any(str(data_dir) in part for part in process.info["cmdline"] or [])
        if (owned or mentions) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(" ".join(process.info["cmdline"]))
    return found
