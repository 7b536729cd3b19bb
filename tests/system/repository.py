"""Access to the repository's files."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# An image with a version, not `latest`.
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.-]+)?")


def text(name: str) -> str:
    """Return the text of a file, by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")
