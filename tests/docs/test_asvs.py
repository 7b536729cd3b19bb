"""docs/asvs.md: every requirement is answered, and every test that it names exists."""

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = (ROOT / "docs/asvs.md").read_text(encoding="utf-8")
ROWS: Final = re.findall(r"^\| (\d[\d.]*) \| (\d) \| (.+) \| (.*) \|$", DOCUMENT, re.MULTILINE)
TEST: Final = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")
# The levels of each section's requirements, in their order; those of level 3 come last.
LEVELS: Final = """
    6.1:122 6.2:111111112222 6.3:1122 6.4:1122 6.5:22222 6.6:222 6.8:2222
    7.1:222 7.2:1111 7.3:22 7.4:11222 7.5:22 7.6:22
    8.1:12 8.2:112 8.3:1 8.4:2
    9.1:111 9.2:1222
    14.1:22 14.2:1222 14.3:122
    16.1:2 16.2:22222 16.3:2222 16.4:222 16.5:222
"""
REASONS: Final = ("documented", "no test yet", "not yet", "does not apply", "no")


def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_requirement_has_one_row_in_its_place() -> None:
    assert [(number, level) for number, level, _asks, _answer in ROWS] == [
        (f"{section}.{number}", level)
        for section, levels in (entry.split(":") for entry in LEVELS.split())
        for number, level in enumerate(levels, start=1)
    ]


def test_every_row_names_tests_or_says_why_not() -> None:
    reason = rf"({'|'.join(REASONS)}): \S"
    for number, _level, _asks, answer in ROWS:
        shown = re.match(r"`tests/|in part: .+`tests/", answer)
        assert shown or re.match(reason, answer), number
        # What looks like a test is one in full, which is looked for below.
        assert answer.count("`tests/") == len(TEST.findall(answer)), number


def test_every_test_that_is_named_exists() -> None:
    named = set(TEST.findall(DOCUMENT))
    assert named
    assert [f"{path}::{name}" for path, name in sorted(named) if name not in names_in(path)] == []
