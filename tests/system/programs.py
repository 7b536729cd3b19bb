"""External programs that the system tests require."""

import shutil

import pytest


def require_program(name: str, package: str) -> str:
    """Return a program's path; fail with the command that installs it if it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing; install it: apt-get install {package}")
    return path
