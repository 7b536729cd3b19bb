"""Import users from a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.imports.fields import ImportField, ImportFormat, ImportMode, parse_mapping
from users.imports.management.administrators import acting_as, add_administrator
from users.imports.management.progress import report_skipped, run_to_the_end
from users.imports.services.start import start_user_import


class Command(BaseCommand):
    """Starts an import through its service, and carries it out beside the workers."""

    help = (
        "Imports users from a file in CSV or JSON Lines. If it is interrupted, the workers carry "
        "on. See docs/moving-in.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file and the options of `importUsers`."""
        parser.add_argument("file", type=Path)
        add_administrator(parser)
        parser.add_argument("--format", choices=ImportFormat.values, help="by default of the name")
        parser.add_argument("--mode", choices=ImportMode.values, default=ImportMode.CREATE)
        parser.add_argument(
            "--source", default="", help="the system that external_id is of; required with it"
        )
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument(
            "--map",
            action="append",
            metavar="COLUMN=FIELD",
            help=f"repeatable; fields are {', '.join(ImportField)}",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the import. Raises `CommandError` with the problems of the input."""
        path: Path = options["file"]
        is_json = path.suffix in {".jsonl", ".ndjson", ".json"}
        default = ImportFormat.JSON_LINES if is_json else ImportFormat.CSV
        try:
            with acting_as(options["administrator"]) as actor, path.open("rb") as file:
                user_import = start_user_import(
                    file,
                    actor=actor,
                    format_=ImportFormat(options["format"] or default),
                    mode=ImportMode(options["mode"]),
                    mapping=parse_mapping(options["map"] or ()),
                    source=options["source"],
                    is_dry_run=options["dry_run"],
                    file_name=path.name,
                )
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None
        run_to_the_end(user_import, self.stdout)
        report_skipped(user_import, self.stdout)
