"""External programs that the system tests require."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def require_program(name: str, package: str) -> str:
    """Return a program's path; fail with the command that installs it if it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing; install it: apt-get install {package}")
    return path


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
