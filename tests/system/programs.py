"""The programs that the system tests run, and cannot do without."""

import shutil

import pytest


def require_program(name: str, package: str) -> str:
    """Return the program's path; a missing one fails the test, with the line that installs it."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing; install it: apt-get install {package}")
    return path
