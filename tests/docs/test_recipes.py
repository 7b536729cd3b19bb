"""CONTRIBUTING's recipes, followed on a copy of the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("engine", "core", "users", "schema", "docs", "manage.py", "schema.graphql")
# What the recipe for a plain field of the profile adds by hand: per file, the start of a line and
# the line to insert before it.
PLAIN_FIELD = {
    "users/accounts/models/profiles.py": (
        "    bio = models.CharField(",
        '    pronouns = models.CharField(max_length=40, blank=True, default="", db_default="")\n',
    ),
    "schema/accounts/profiles.py": (
        "    bio: auto = ",
        '    pronouns: auto = strawberry_django.field(description="How to refer to the user.")\n',
    ),
}
MAYBE = "strawberry.Maybe[str | None]"
INPUT = (
    f"    bio: {MAYBE} = ",
    f'    pronouns: {MAYBE} = strawberry.field(description="At most 40 characters.")\n',
)
# The recipe's commands, and the consequences of the two files; the copy prints one per line.
PROGRAM = """
import django
import strawberry
django.setup()
from django.contrib import admin
from django.core.management import call_command
from schema.accounts.profiles import ProfileInput
from users.accounts.models import PROFILE_FIELDS, Profile
from users.activity.personal_data_registry import personal_tables
call_command("makemigrations", "accounts", name="pronouns", verbosity=0)
call_command("print_schema", "--output", "schema.graphql")
(table,) = [each for each in personal_tables() if each.model is Profile]
((_title, options),) = admin.site.get_model_admin(Profile).fieldsets
given = dict.fromkeys(ProfileInput.__annotations__) | {"pronouns": strawberry.Some("they")}
for name, is_so in {
    "service": "pronouns" in PROFILE_FIELDS,
    "input": ProfileInput(**given).profile() == {"pronouns": "they"},
    "admin": "pronouns" in options["fields"],
    "export": "pronouns" in table.exported,
    "erasure": table.erasure.values["pronouns"] == "",
}.items():
    print(name, is_so)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the service's sources."""
    for name in SOURCES:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path


def run(tree: Path, program: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(tree), "DJANGO_SETTINGS_MODULE": "core.settings"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def insert(path: Path, start: str, line: str) -> None:
    """Insert a line before the only one that starts so."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    (index,) = (number for number, each in enumerate(lines) if each.startswith(start))
    lines.insert(index, line)
    path.write_text("".join(lines), encoding="utf-8")


def test_plain_field_of_the_profile_takes_two_files(tree: Path) -> None:
    for name, (start, line) in PLAIN_FIELD.items():
        insert(tree / name, start, line)
    insert(tree / "schema/accounts/profiles.py", *INPUT)
    consequences = run(tree, PROGRAM)

    (migration,) = (tree / "users/accounts/migrations").glob("*_pronouns.py")
    assert "model_name='profile'" in migration.read_text(encoding="utf-8")
    before, after = ((each / "schema.graphql").read_text(encoding="utf-8") for each in (ROOT, tree))
    added = sorted(
        line.strip() for line in after.splitlines() if "pronouns" in line and line not in before
    )
    # Of `Profile`, `UpdateProfileInput` and `UpdateUserInput`.
    assert added == ["pronouns: String", "pronouns: String", "pronouns: String!"]
    assert consequences.splitlines() == [
        f"{name} True" for name in ("service", "input", "admin", "export", "erasure")
    ]
