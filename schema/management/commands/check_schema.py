"""Find breaking changes of schema.graphql since an earlier version."""

import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from graphql import GraphQLError, GraphQLSchema, build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes

FILE = "schema.graphql"


class Command(BaseCommand):
    """Compares the SDL with that of a Git reference or a file."""

    help = "Fails if schema.graphql breaks clients of an earlier version of it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the earlier and the current version."""
        parser.add_argument(
            "base",
            nargs="?",
            help="A Git reference such as v1.2.0, or an SDL file. Default: the last release.",
        )
        current = settings.BASE_DIR / FILE
        parser.add_argument("--current", type=Path, default=current, help=f"Default: {FILE}.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print all changes to know of. Raises `CommandError` for breaking ones."""
        name = options["base"] or _last_release()
        if name is None:
            self.stdout.write(f"There is no release with whose {FILE} to compare.")
            return
        base = _parse(_text(name), name)
        current = _parse(_text(str(options["current"])), str(options["current"]))
        # Clients may not know how to handle these, such as a new value of an enum.
        for dangerous in find_dangerous_changes(base, current):
            self.stdout.write(f"Check: {dangerous.description}")
        breaking = [each.description for each in find_breaking_changes(base, current)]
        if breaking:
            changes = "".join(f"\n- {each}" for each in breaking)
            raise CommandError(f"{FILE} breaks clients of {name}:{changes}")
        self.stdout.write(f"{FILE} breaks no client of {name}.")


def _text(base: str) -> str:
    """Return the SDL of a file or a Git reference. Raises `CommandError`."""
    path = Path(base)
    if path.is_file():
        return path.read_text(encoding="utf-8")
    # A reference that begins with a hyphen would be an option.
    shown = _git("show", "--end-of-options", f"{base}:./{FILE}")
    if shown.returncode:
        raise CommandError(f"{base} is neither a file nor a Git reference: {shown.stderr.strip()}")
    return shown.stdout


def _last_release() -> str | None:
    """Return the newest version tag of the current commit's history; None before the first."""
    found = _git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
    return found.stdout.strip() or None


def _git(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - no shell
        ["git", *arguments],  # noqa: S607 - the developer's
        cwd=settings.BASE_DIR,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def _parse(sdl: str, name: str) -> GraphQLSchema:
    try:
        return build_schema(sdl)
    except GraphQLError as error:
        raise CommandError(f"{name} has no valid schema: {error.message}") from None
