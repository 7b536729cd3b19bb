"""External programs that the system tests require."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.system.repository import ROOT


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


@cache
def install_packages(folder: Path) -> None:
    """Install the packages of a folder's lock file, once in this process."""
    npm(folder, "ci")


@cache
def built_client() -> Path:
    """Build the TypeScript client, once in this process; return its folder."""
    folder = ROOT / "clients" / "typescript"
    install_packages(folder)
    npm(folder, "run", "build")
    return folder


def compatibility_package() -> Path:
    """Install the other clients, which link to the TypeScript client; return their folder."""
    built_client()
    folder = ROOT / "clients" / "compatibility"
    install_packages(folder)
    return folder
