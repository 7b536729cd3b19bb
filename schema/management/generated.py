"""Base of the commands that generate or check a file."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class GeneratingCommand(ABC, BaseCommand):
    """Prints the text; `--output` writes it to a file, `--check` compares it with one."""

    # The make target that writes the file, for the error message.
    target: str

    @abstractmethod
    def text(self) -> str:
        """Return the content of the file."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--output` and `--check`."""
        file = parser.add_mutually_exclusive_group()
        file.add_argument("--output", type=Path, help="Write to this file.")
        file.add_argument("--check", type=Path, help="Fail unless this file is up to date.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print, write or check. Raises `CommandError` for a file that is out of date."""
        text = self.text()
        if options["output"]:
            options["output"].write_text(text, encoding="utf-8")
        elif options["check"]:
            path: Path = options["check"]
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                raise CommandError(f"{path} is out of date: run `make {self.target}`.")
        else:
            self.stdout.write(text)
