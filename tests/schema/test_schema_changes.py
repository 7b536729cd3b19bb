"""`make schema-check` finds what would break clients."""

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

SDL: Final = (settings.BASE_DIR / "schema.graphql").read_text(encoding="utf-8")
FIELD: Final = "type Query {\n  a(x: Int): Int!\n  b: E\n}\nenum E { ONE TWO }"


def check(directory: Path, base: str, current: str) -> None:
    for name, sdl in (("base", base), ("current", current)):
        (directory / name).write_text(sdl, encoding="utf-8")
    call_command("check_schema", str(directory / "base"), current=directory / "current")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  b: E\n", ""),
        ("a(x: Int): Int!", "a(x: Int): Int"),
        ("a(x: Int): Int!", "a(x: Int): String!"),
        ("a(x: Int)", "a(x: Int!)"),
        ("a(x: Int)", "a"),
        ("a(x: Int)", "a(x: Int, y: Int!)"),
        ("ONE TWO", "ONE"),
    ],
)
def test_breaking_change_is_found(tmp_path: Path, before: str, after: str) -> None:
    with pytest.raises(CommandError, match="breaks clients"):
        check(tmp_path, FIELD, FIELD.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("b: E", "b: E\n  c: Int"),
        ("b: E", 'b: E @deprecated(reason: "Use a.")'),
        ("a(x: Int)", "a(x: Int, y: Int)"),
        ("  b: E\n", '  "More words."\n  b: E!\n'),
    ],
)
def test_additions_and_deprecations_break_nothing(tmp_path: Path, before: str, after: str) -> None:
    check(tmp_path, FIELD, FIELD.replace(before, after))


def test_new_value_of_an_enum_is_only_shown(tmp_path: Path, capsys: Any) -> None:
    check(tmp_path, FIELD, FIELD.replace("ONE TWO", "ONE TWO THREE"))
    assert "THREE" in capsys.readouterr().out


def test_all_breaking_changes_are_reported(tmp_path: Path) -> None:
    current = SDL.replace("  logOut: ", "  logOff: ").replace(
        " settings: Settings!", " settings: Settings"
    )
    with pytest.raises(CommandError) as found:
        check(tmp_path, SDL, current)
    _heading, *changes = str(found.value).splitlines()
    assert changes == [
        "- Field Mutation.logOut was removed.",
        "- Field Query.settings changed type from Settings! to Settings.",
    ]


def git(*arguments: str) -> None:
    named = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *named, *arguments], cwd=settings.BASE_DIR, check=True)


@pytest.fixture
def path(tmp_path: Path, settings: Any) -> Path:
    """Return the schema's file in a repository, which has one commit."""
    settings.BASE_DIR = tmp_path / "in a repository"
    settings.BASE_DIR.mkdir()
    found: Path = settings.BASE_DIR / "schema.graphql"
    found.write_text(FIELD, encoding="utf-8")
    git("init", "--quiet")
    git("add", "schema.graphql")
    git("commit", "--quiet", "--message", "First.")
    return found


def test_base_is_the_last_release(path: Path, capsys: Any) -> None:
    call_command("check_schema")
    assert "no release" in capsys.readouterr().out

    git("tag", "v1.0.0")
    git("tag", "no-release")
    path.write_text(FIELD.replace("  b: E\n", ""), encoding="utf-8")
    with pytest.raises(CommandError, match=r"breaks clients of v1\.0\.0"):
        call_command("check_schema")
    git("commit", "--quiet", "--all", "--message", "Second.")
    git("tag", "v2.0.0")
    call_command("check_schema")


def test_base_is_a_git_reference(path: Path) -> None:
    git("tag", "v1")
    call_command("check_schema", "v1")
    path.write_text(FIELD.replace("  b: E\n", ""), encoding="utf-8")
    with pytest.raises(CommandError, match=r"breaks clients of v1:\n- .*Query\.b"):
        call_command("check_schema", "v1")
    for base in ("v2", "--help", "--output=x"):
        with pytest.raises(CommandError, match="neither a file nor a Git reference"):
            call_command("check_schema", "--", base)
    assert {each.name for each in settings.BASE_DIR.iterdir()} == {".git", "schema.graphql"}


def test_invalid_schema_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no valid schema"):
        check(tmp_path, "type Query {", FIELD)
