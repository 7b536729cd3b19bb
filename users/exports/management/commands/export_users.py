"""Writes users to a file, as exports do."""

import os
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.progress import ProgressBar
from users.exports.columns import PASSWORD_HASH, UserColumn
from users.exports.formats import ExportFormat
from users.exports.services.command import export_to_file

COLUMNS: Final = [column.value for column in UserColumn]
FORMATS: Final = [each.value for each in ExportFormat]


class Command(BaseCommand):
    """`manage.py export_users`."""

    help = (
        "Writes all users to a new file, which only its owner can read. The audit trail has an "
        "event of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("file", type=Path, help="The file, which must not exist.")
        parser.add_argument(
            "--format", choices=FORMATS, help="By default the ending of the file's name."
        )
        parser.add_argument(
            "--fields",
            type=_columns,
            default=COLUMNS,
            help=f"Some of {','.join(COLUMNS)}; by default all.",
        )
        parser.add_argument(
            "--with-password-hashes",
            action="store_true",
            help=f"Adds the column {PASSWORD_HASH}. Keep such a file secret.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the file; draw the progress on a terminal."""
        path: Path = options["file"]
        ending = options["format"] or path.suffix.removeprefix(".")
        if ending not in FORMATS:
            raise CommandError(f"Give a --format: {' or '.join(FORMATS)}.")
        columns = [*options["fields"]]
        if options["with_password_hashes"]:
            columns.append(PASSWORD_HASH)
        bar, done = ProgressBar(self.stdout), 0
        with _new_file(path) as file:
            for done, total in export_to_file(
                file,
                columns=columns,
                file_format=ExportFormat(ending),  # type: ignore[call-arg]
            ):
                bar.show(done, total, "users")
        self.stdout.write(f"{done:,} users were written to {path}.")


def _columns(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or len(set(names)) < len(names):
        raise ArgumentTypeError(f"give some of {', '.join(COLUMNS)}, each once")
    return names


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Create the file for its owner only; delete it if it is not completed."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink()
        raise
