"""The code of the pages in docs/guides, which the system tests run."""

import re
from pathlib import Path
from typing import Final

GUIDES: Final = Path(__file__).resolve().parents[2] / "docs" / "guides"
# A fenced block whose first line has a path after the language.
BLOCK: Final = re.compile(r"^```\w+ (?P<path>\S+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def code_of(guide: str) -> dict[str, str]:
    """Return the files of a guide, by their paths."""
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    blocks = [(block["path"], block["code"]) for block in BLOCK.finditer(text)]
    files = dict(blocks)
    assert files, f"{guide} has no files"
    assert len(files) == len(blocks), f"{guide} has a file twice"
    return files


def write_guide(guide: str, folder: Path) -> None:
    """Write the files of a guide into a folder."""
    for name, code in code_of(guide).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
