"""The repository's files, for the tests that read them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# An image and a version of it, never just `latest`.
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?")


def text(name: str) -> str:
    """Return the text of a file, by its path from the top."""
    return (ROOT / name).read_text(encoding="utf-8")
