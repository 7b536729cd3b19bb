"""docs/runbook: the tests, targets and checks that it names exist."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

from tests.docs.test_asvs import ROOT, TEST, names_in

PAGES: Final = {
    page: page.read_text(encoding="utf-8") for page in (ROOT / "docs/runbook").iterdir()
}


def test_the_index_has_every_page() -> None:
    index = PAGES[ROOT / "docs/runbook/README.md"]
    assert [page.name for page in PAGES if f"({page.name})" not in index] == ["README.md"]


def test_every_failure_was_seen_in_a_test_that_exists() -> None:
    failures = PAGES[ROOT / "docs/runbook/failures.md"]
    named = TEST.findall(failures)
    rows = [line for line in failures.splitlines() if line.startswith("| ")][1:]
    assert len(named) == len(rows)
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []


def test_every_check_has_an_id_of_its_own_and_is_explained() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for package in ("core", "users", "schema")
        for path in (ROOT / package).rglob("*checks.py")
    ]
    ids = re.findall(r'"(roster\.[EW]\d+)"', "".join(sources))
    assert [each for each, number in Counter(ids).items() if number > 1] == []
    explained = re.findall(r"`(roster\.[EW]\d+)`", PAGES[ROOT / "docs/runbook/production.md"])
    assert sorted(ids) == sorted(explained)


def test_commands_and_files_exist() -> None:
    text = "".join(PAGES.values())
    commands = {path.stem for path in ROOT.glob("*/**/management/commands/[a-z]*.py")}
    named = set(re.findall(r"manage\.py (\w+)", text)) - {"check", "migrate"}
    assert named <= commands
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    assert set(re.findall(r"`make ([a-z-]+)`", text)) <= set(targets)
    for name in re.findall(r"`((?:k8s|tests|docs)/[\w./-]+)`", text):
        assert Path(ROOT / name).exists(), name
