"""Links between the pages of documentation lead to files and headings that exist."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE: Final = re.compile(r"^(```|~~~).*?^\1|^ {4}.*?$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
# `"A heading", docs/decisions.md` or `"A heading" in docs/decisions.md`, in a comment or docstring.
CITATION: Final = re.compile(r'"([^"]+?)"(?:,| in)[\s#]+docs/decisions\.md')
PAGES: Final = sorted(
    page.relative_to(ROOT)
    for folder, pattern in ((ROOT, "*.md"), (ROOT / "docs", "**/*.md"), (ROOT / "engine", "*.md"))
    for page in folder.glob(pattern)
)
# A link in a page: the page, and where the link leads.
LINKS: Final = [
    (page, target)
    for page in PAGES
    for target in LINK.findall(CODE.sub("", (ROOT / page).read_text(encoding="utf-8")))
    if "://" not in target and not target.startswith("mailto:")
]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    text = re.sub(
        r"^(```|~~~).*?^\1", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return frozenset(found)


def test_pages_have_links() -> None:
    assert len(LINKS) > 50


@pytest.mark.parametrize(("page", "target"), LINKS, ids=str)
def test_link_leads_somewhere(page: Path, target: str) -> None:
    name, _hash, anchor = target.partition("#")
    destination = (ROOT / page).parent / name if name else ROOT / page

    assert destination.exists()
    if anchor:
        assert anchor in anchors(destination)


def test_index_lists_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    linked = {target.partition("#")[0] for target in LINK.findall(index)}
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert pages <= linked


def test_decisions_have_an_index() -> None:
    text = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    index, _heading, _rest = text.partition(f"\n## {headings[1]}\n")
    listed = re.findall(r"^\| \[(.+?)\]\(#", index, re.MULTILINE)

    assert headings[0] == "Index"
    assert sorted(listed) == sorted(headings[1:])


def test_api_has_an_index() -> None:
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    index, heading, rest = text.partition("\n## ")
    listed = re.findall(r"\[([^]]+)\]\(#", index)

    assert sorted(listed) == sorted(re.findall(r"^## (.+)$", heading + rest, re.MULTILINE))


def test_decisions_that_the_code_cites_exist() -> None:
    text = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
    headings = {*re.findall(r"^## (.+)$", text, re.MULTILINE)}
    cited = {
        re.sub(r"[\s#]+", " ", title)
        for package in ("engine", "core", "users", "schema")
        for module in (ROOT / package).rglob("*.py")
        for title in CITATION.findall(module.read_text(encoding="utf-8"))
    }

    assert cited
    assert cited - headings == set()
