"""List erased users, and erase them again after a back-up was restored."""

import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError, CommandParser

from core.rfc3339 import parse_day
from users.accounts.models import User
from users.privacy.services.repeated_erasure import erased_users, repeat_erasure


class Command(BaseCommand):
    """Keeps erased users erased; see docs/runbook/backup.md."""

    help = (
        "`list` prints the ids of erased users, which are to be stored apart from the back-ups. "
        "`repeat` erases the users of such a list again after a back-up was restored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add both actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        listed = actions.add_parser("list", help="print a line for each: id and time")
        listed.add_argument("--since", type=parse_day, help="a day (UTC), as in 2026-01-31")
        repeated = actions.add_parser("repeat", help="erase the listed users who are not erased")
        repeated.add_argument("file", help="a list; - for standard input")

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        """Run the action."""
        if action == "list":
            self._list(options["since"])
        else:
            self._repeat(options["file"])

    def _list(self, since: date | None) -> None:
        begin = datetime.combine(since, time.min, UTC) if since else None
        for user_id, erased_at in erased_users(begin):
            self.stdout.write(f"{user_id} {erased_at:%Y-%m-%dT%H:%M:%S%z}")

    def _repeat(self, name: str) -> None:
        """Erase, once the whole list is known to be one."""
        try:
            with (
                nullcontext(sys.stdin) if name == "-" else Path(name).open(encoding="utf-8") as file
            ):
                user_ids = _ids_in(file)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The list cannot be read: {error}") from None
        found: Counter[str] = Counter()
        for user_id in user_ids:
            if repeat_erasure(user_id):
                found["erased"] += 1
            elif User.objects.filter(pk=user_id).exists():
                found["already"] += 1
            else:
                found["unknown"] += 1
        self.stdout.write(
            f"erased: {found['erased']}, already erased: {found['already']}, "
            f"created after the back-up: {found['unknown']}"
        )


def _ids_in(lines: Iterable[str]) -> dict[UUID, None]:
    """Return the ids with which the lines begin, each once, in their order."""
    user_ids: dict[UUID, None] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split(maxsplit=1)
        if not words:
            continue
        try:
            user_ids[UUID(words[0])] = None
        except ValueError:
            raise CommandError(f"Line {number} does not begin with a user's id.") from None
    return user_ids
