"""Releases and configurations differ in their fingerprints."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.release import PACKAGES, ROOT, _digest_of_files

# Prints what a process finds in the shared cache, and stores its name there.
PROCESS = """
import sys
from core.cache.shared import SharedCache
cache = SharedCache()
print(cache.get(b"key"))
cache.put(b"key", sys.argv[1].encode())
"""


def found_by(name: str, directory: Path = ROOT, **environ: str) -> str:
    """Return what another process of the service finds, before it stores its name."""
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "core.settings"} | environ
    command = [sys.executable, "-W", "ignore", "-B", "-c", PROCESS, name]
    done = subprocess.run(
        command, cwd=directory, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def other_release(tmp_path: Path) -> Path:
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    return tmp_path


def test_processes_of_one_release_share_entries(other_release: Path) -> None:
    assert found_by("a") == "None"
    assert found_by("b") == "b'a'"
    # A copy in another directory.
    assert found_by("c", other_release) == "b'b'"


def test_releases_and_configurations_do_not_share_entries(other_release: Path) -> None:
    with (other_release / "users" / "__init__.py").open("a") as file:
        file.write("\n")

    assert found_by("a") == "None"
    assert found_by("b", other_release) == "None"
    assert found_by("c", SERVICE_NAME="Other") == "None"
    assert found_by("d", SECRET_KEY="other" * 10) == "None"
    assert found_by("e") == "b'a'"


def test_paths_and_contents_of_files_count(tmp_path: Path) -> None:
    digests = set()
    for name, content in (("a.py", "xy"), ("b.py", "xy"), ("a.py", "x"), ("c/a.mo", "x")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        digests.add(_digest_of_files(tmp_path))
    assert len(digests) == 4

    (tmp_path / "a.pyc").write_text("compiled")
    assert _digest_of_files(tmp_path) in digests
