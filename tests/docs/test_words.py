"""The vocabulary of names, docstrings, comments, descriptions, messages and documentation.

docs/glossary.md has the words to use. A refused word has a standard term in its place, which the
table below gives; a word with a legitimate use is not refused.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
# Of a docstring's first line, which is what a caller needs; the details follow.
MAX_SUMMARY: Final = 15
# `txt` and `html` are templates, `graphql` the SDL and the documented operations.
SUFFIXES: Final = frozenset({".py", ".graphql", ".html", ".txt", ".md"})
SKIPPED: Final = frozenset({".venv", "node_modules", "__pycache__", "dist", "generated", "out"})

# A phrase matches across line ends, comment signs and underscores.
REFUSED: Final = {
    "whoever": "the user, the client, the caller",
    "whomever": "the user",
    "whichever": "any, the one that",
    "somebody": "a user, someone",
    "anybody": "any user, anyone",
    "nobody": "no user, no one",
    "everybody": "all users, everyone",
    "of late": "recently; recent authentication",
    "anew": "again; recompiled",
    "lest": "so that … not",
    "told of": "notified of",
    "told": "returned, notified, shown",
    "tells": "returns, reports, says",
    "as far as": "if, where",
    "came to be": "was created",
    "shut out": "suspended, deactivated",
    "kept out": "excluded",
    "in person": "interactive session",
    "good for": "valid for, has the scope",
    "marred": "partial",
    "sought": "filter not served by the ordering index",
    "leave to": "permission",
    "further address": "secondary address",
    "further addresses": "secondary addresses",
    "picture": "avatar, image",
    "pictures": "avatars, images",
    "portrait": "avatar",
    "remembered": "cached",
}

# In the API, whose only term is `User`. The admin's texts for laymen say "person".
REFUSED_IN_API: Final = {"person": "user", "people": "users"}
API: Final = ("schema.graphql", "docs/operations/*")

# What stays, by the path (as `fnmatch` has it), the text in its context, and the reason. An
# exception that nothing needs any more fails a test.
EXCEPTIONS: Final = (
    (
        "tests/accounts/test_pre_hijacking.py",
        r'"nobody"',
        "A reserved username.",
    ),
    (
        "tests/system/test_alternatives.py",
        r'"-u", "nobody"',
        "A Unix user.",
    ),
    (
        "users/admin/people/account_actions.py",
        r'path="remove-picture"',
        "A URL, which does not change.",
    ),
    (
        "users/admin/unfold_translations.py",
        r'_\("Record picture"\)',
        "A text of the theme.",
    ),
    ("tests/docs/test_words.py", r".*", "The list of the words."),
    ("*/migrations/*.py", r".*", "Released migrations do not change."),
    (
        "schema.graphql",
        r"\beverybody: Boolean!",
        "A name of the API: the argument of `startBulkAction` that selects all users.",
    ),
    (
        "docs/api.md",
        r"`everybody: true`",
        "The same argument.",
    ),
    (
        "*bulk*.py",
        r"(?<![A-Za-z ])everybody|everybody(?=[=:]| = )|(?:if|not) everybody(?=:| and)",
        "The same argument, as the services, forms and tests of bulk actions call it.",
    ),
    ("users/accounts/identifiers.py", r'"nobody"', "A reserved username: Unix has such a user."),
)


def pattern(phrase: str) -> str:
    """Return the pattern of a word or a phrase, across line breaks."""
    return r"(?:[\s_#>*-]+)".join(map(re.escape, phrase.split()))


def words(terms: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of whole words, which matches the longest first."""
    longest_first = "|".join(map(pattern, sorted(terms, key=len, reverse=True)))
    return re.compile(rf"(?<![A-Za-z])(?:{longest_first})(?![A-Za-z])", re.IGNORECASE)


WORDS: Final = words(REFUSED)
WORDS_OF_API: Final = words(REFUSED | REFUSED_IN_API)


def words_for(path: Path) -> re.Pattern[str]:
    return WORDS_OF_API if any(fnmatch(str(path), each) for each in API) else WORDS


def files() -> Iterator[Path]:
    """Yield the files whose words are held to the glossary."""
    for directory in sorted(path for path in ROOT.iterdir() if not path.name.startswith(".")):
        for path in [directory] if directory.is_file() else sorted(directory.rglob("*")):
            if path.suffix in SUFFIXES and not SKIPPED.intersection(path.parts) and path.is_file():
                yield path.relative_to(ROOT)


def exceptions_in(path: Path, text: str) -> Iterator[tuple[int, range]]:
    """Yield the places in a file that an exception covers, each with the exception's number."""
    for number, (glob, context, _reason) in enumerate(EXCEPTIONS):
        if fnmatch(str(path), glob):
            flags = re.IGNORECASE | re.DOTALL
            for match in re.finditer(context, text, flags):
                yield number, range(*match.span())


def refused_in(path: Path, text: str) -> Iterator[str]:
    """Yield `path:line: word (use …)` for each refused word of a text."""
    excepted = [places for _number, places in exceptions_in(path, text)]
    for match in words_for(path).finditer(text):
        if not any(match.start() in places for places in excepted):
            word = re.sub(r"[\s_#>*-]+", " ", match[0]).lower()
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {word!r} (use {(REFUSED | REFUSED_IN_API)[word]})"


def refused(paths: Iterable[Path]) -> list[str]:
    return [
        found
        for path in paths
        for found in refused_in(path, (ROOT / path).read_text(encoding="utf-8"))
    ]


def test_no_refused_word_is_used() -> None:
    found = refused(files())

    assert not found, f"{len(found)} words that docs/glossary.md replaces:\n" + "\n".join(found)


def test_each_exception_covers_a_refused_word() -> None:
    used = set()
    for path in files():
        text = (ROOT / path).read_text(encoding="utf-8")
        matches = [match.start() for match in words_for(path).finditer(text)]
        for number, places in exceptions_in(path, text):
            if any(start in places for start in matches):
                used.add(number)

    unused = [EXCEPTIONS[number] for number in range(len(EXCEPTIONS)) if number not in used]
    # Generated migrations need not have a refused word.
    assert [glob for glob, _context, _reason in unused if glob != "*/migrations/*.py"] == []


def long_summaries(text: str) -> Iterator[str]:
    """Yield the docstrings' first lines that have more than `MAX_SUMMARY` words."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        summary = (
            (ast.get_docstring(node) or "").partition("\n")[0] if isinstance(node, kinds) else ""
        )
        if len(summary.split()) > MAX_SUMMARY:
            yield summary


def test_docstrings_start_with_a_short_line() -> None:
    found = [
        f"{path}: {summary}"
        for path in files()
        if path.suffix == ".py"
        for summary in long_summaries((ROOT / path).read_text(encoding="utf-8"))
    ]

    assert not found, f"more than {MAX_SUMMARY} words:\n" + "\n".join(found)


def test_long_summary_is_found() -> None:
    line = " ".join(["word"] * MAX_SUMMARY)

    assert list(long_summaries(f'"""{line}."""')) == []
    assert list(long_summaries(f'def f():\n    """A {line}.\n\n    Details."""')) == [f"A {line}."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Whoever asks.", ["'whoever'"]),
        ("def test_nobody_signs_in() -> None:", ["'nobody'"]),
        ("# A proof of\n    # late.", ["'of late'"]),
        ("It is told of it, and told.", ["'told of'", "'told'"]),
        ("everybody: Boolean! = false", ["'everybody'"]),
        ("An untold, nobodyish wildest planet; retells; for good: fork.", []),
    ],
)
def test_words_are_found_with_their_boundaries(text: str, found: list[str]) -> None:
    reports = list(refused_in(Path("docs/some.md"), text))

    assert [re.search("'[^']+'", report)[0] for report in reports] == found  # type: ignore[index]


def test_report_names_the_line_and_the_word_to_use() -> None:
    report = next(refused_in(Path("docs/some.md"), "One line.\nSet the picture.\n"))

    assert report == "docs/some.md:2: 'picture' (use avatar, image)"
