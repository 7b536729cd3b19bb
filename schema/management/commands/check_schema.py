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
        parser.add_argument("base", help="A Git reference such as main or v1.2.0, or an SDL file.")
        current = settings.BASE_DIR / FILE
        parser.add_argument("--current", type=Path, default=current, help=f"Default: {FILE}.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print all changes to know of. Raises `CommandError` for breaking ones."""
        base = _parse(_text(options["base"]), options["base"])
        current = _parse(_text(str(options["current"])), str(options["current"]))
        # Clients may not know how to handle these, such as a new value of an enum.
        for dangerous in find_dangerous_changes(base, current):
            self.stdout.write(f"Check: {dangerous.description}")
        breaking = [each.description for each in find_breaking_changes(base, current)]
        if breaking:
            changes = "".join(f"\n- {each}" for each in breaking)
            raise CommandError(f"{FILE} breaks clients of {options['base']}:{changes}")
        self.stdout.write(f"{FILE} breaks no client of {options['base']}.")


def _text(base: str) -> str:
    """Return the SDL of a file or a Git reference. Raises `CommandError`."""
    path = Path(base)
    if path.is_file():
        return path.read_text(encoding="utf-8")
    # A reference that begins with a hyphen would be an option.
    command = ["git", "show", "--end-of-options", f"{base}:./{FILE}"]
    shown = subprocess.run(  # noqa: S603 - no shell
        command, cwd=settings.BASE_DIR, capture_output=True, encoding="utf-8", check=False
    )
    if shown.returncode:
        raise CommandError(f"{base} is neither a file nor a Git reference: {shown.stderr.strip()}")
    return shown.stdout


def _parse(sdl: str, name: str) -> GraphQLSchema:
    try:
        return build_schema(sdl)
    except GraphQLError as error:
        raise CommandError(f"{name} has no valid schema: {error.message}") from None
