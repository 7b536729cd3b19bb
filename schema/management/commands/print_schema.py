"""Write the schema as SDL, or check that a file has it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from graphql import build_schema, lexicographic_sort_schema, print_schema

from schema.root import schema


class Command(BaseCommand):
    """Sorted, so that a change of the schema is the only thing that changes the file."""

    help = "Prints the GraphQL schema, sorted and described."

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer to write or to compare."""
        target = parser.add_mutually_exclusive_group()
        target.add_argument("--output", type=Path, help="Write to this file.")
        target.add_argument("--check", type=Path, help="Fail unless this file is up to date.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print, write or check."""
        # Strawberry's own `sort_schema` breaks enum inputs, so the printed text is sorted.
        sdl = print_schema(lexicographic_sort_schema(build_schema(schema.as_str()))) + "\n"
        if options["output"]:
            options["output"].write_text(sdl, encoding="utf-8")
        elif options["check"]:
            path: Path = options["check"]
            if not path.exists() or path.read_text(encoding="utf-8") != sdl:
                raise CommandError(f"{path} is out of date: run `make schema`.")
        else:
            self.stdout.write(sdl)
