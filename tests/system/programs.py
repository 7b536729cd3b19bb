"""External programs that the system tests require."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.system.repository import ROOT

# The same in all processes of a test run.
RUN: Final = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex


def require_program(name: str, package: str) -> str:
    """Return a program's path; fail with the command that installs it if it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing; install it: apt-get install {package}")
    return path


@contextmanager
def running(command: list[str | Path], **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in a new process group within the block."""
    process = subprocess.Popen(
        command,
        env=os.environ | environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def wait_until_connected(ready: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait until ``ready`` raises no `OSError`."""
    deadline = time.monotonic() + 90
    while True:
        assert process.poll() is None, "the server ended"
        try:
            ready()
        except OSError:
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.1)
        else:
            return


def npm(folder: Path, *arguments: str, **environ: str) -> str:
    """Run npm with the Node that builds the console; return its output.

    That is the system's Node or the environment's. Fails the test if npm does.
    """
    return run(folder, "npm", *arguments, **environ)


def run(folder: Path, *command: str, **environ: str) -> str:
    """Run a program of the system or the environment; return its output.

    Fails the test if the program does.
    """
    path = os.pathsep.join((os.environ["PATH"], str(Path(sys.executable).parent)))
    result = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path} | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@contextmanager
def first_in_run(step: str) -> Iterator[bool]:
    """Yield whether no process of this test run has completed the step; the others wait."""
    path = ROOT / ".data" / f"{step}.step"
    path.parent.mkdir(exist_ok=True)
    with path.open("a+", encoding="utf-8") as completed:
        fcntl.flock(completed, fcntl.LOCK_EX)
        completed.seek(0)
        is_first = completed.read() != RUN
        yield is_first
        if is_first:
            completed.truncate(0)
            completed.write(RUN)


def install_packages(folder: Path, *scripts: str) -> None:
    """Install a folder's packages and run its scripts, once in a test run.

    The packages are those of the lock file.
    """
    with first_in_run(f"install-{folder.name}") as is_first:
        if is_first:
            npm(folder, "ci")
            for script in scripts:
                npm(folder, "run", script)


def built_client() -> Path:
    """Build the TypeScript client; return its folder."""
    folder = ROOT / "clients" / "typescript"
    install_packages(folder, "build")
    return folder


def compatibility_package() -> Path:
    """Install the other clients, which link to the TypeScript client; return their folder."""
    built_client()
    folder = ROOT / "clients" / "compatibility"
    install_packages(folder)
    return folder
