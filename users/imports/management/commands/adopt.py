"""Import the users of a running Django project."""

import os
from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from users.accounts.models import User
from users.imports.management.administrators import acting_as, add_administrator
from users.imports.management.progress import run_to_the_end
from users.imports.services.adopt import Adoption, adopt_project
from users.imports.services.django_project import DEFAULT_TABLE, ProjectError, open_project

VARIABLE: Final = "ADOPT_DATABASE_URL"
# Users of which the report has a line each, and names in one line.
SHOWN: Final = 50
NAMED: Final = 20


class Command(BaseCommand):
    """Reads the project's database, imports its users, and reports the differences."""

    help = (
        "Imports the users of a Django project from its PostgreSQL database, which is only read. "
        "Repeat it until the day of the switch: only what changed is taken. See docs/moving-in.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the database and the options."""
        parser.add_argument(
            "database",
            nargs="?",
            help=f"postgres://user@host/name; by default ${VARIABLE}. Other users of this machine "
            "can read arguments, so give a password by the variable, PGPASSWORD or ~/.pgpass.",
        )
        add_administrator(parser)
        parser.add_argument("--source", default="django", help="name of the project")
        parser.add_argument(
            "--user-table", default=DEFAULT_TABLE, help="table of the project's user model"
        )
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Adopt the users. Raises `CommandError`, without the password."""
        url = options["database"] or os.environ.get(VARIABLE)
        if not url:
            raise CommandError(f"Give the database, or set {VARIABLE}.")
        with TemporaryFile("w+b") as lines:
            try:
                with (
                    acting_as(options["administrator"]) as actor,
                    open_project(url, options["user_table"]) as project,
                ):
                    adoption = adopt_project(
                        project,
                        lines,
                        actor=actor,
                        source=options["source"],
                        is_dry_run=options["dry_run"],
                    )
            except ProjectError as error:
                raise CommandError(str(error)) from None
            run_to_the_end(adoption.user_import, self.stdout)
            self._report(adoption)

    def _compare(self, adoption: Adoption) -> None:
        """Write who is new, and what is unlike the project; skipped users are left out."""
        found, skipped = adoption.comparison, set(adoption.skipped.values_list("line", flat=True))
        if new := len(found.new - skipped):
            self.stdout.write(f"new: {new:,}")
        matched, kept = (
            [username for line, username in rows.items() if line not in skipped]
            for rows in (found.matched, found.without_password)
        )
        self._list("match existing accounts by address:", matched)
        self._list("password not taken:", kept)
        others = [
            f"{username} ({', '.join(names)})"
            for line, (username, names) in found.other_groups.items()
            if line not in skipped
        ]
        self._list("in groups here, but not in the project:", others)

    def _list(self, label: str, names: Sequence[str], count: int | None = None) -> None:
        """Write how many users there are, and the first of them; nothing without any."""
        count = len(names) if count is None else count
        if count:
            more = ", …" if count > NAMED else ""
            self.stdout.write(f"{label} {count:,}: {', '.join(names[:NAMED])}{more}")

    def _report(self, adoption: Adoption) -> None:
        """Write what changed, what was skipped, and what is not taken of the users."""
        write = self.stdout.write
        self._compare(adoption)
        for name, keys in adoption.changes():
            users = User.objects.in_bulk(keys[:NAMED])
            self._list(
                f"changed: {name} of",
                [users[key].username for key in keys if key in users],
                len(keys),
            )
        for row in adoption.skipped.in_order()[:SHOWN]:
            write(f"skipped: user {row.external_id}, {row.reason}")
        for key, username in adoption.missing(SHOWN):
            write(f"no longer in the project: user {key}, here {username}")
        derived = [
            f"{before or '(none)'} → {after}" if after else before or "(none)"
            for before, after in adoption.derived(NAMED)
        ]
        self._list("usernames derived from addresses:", derived, len(adoption.derived_usernames))
        for name in adoption.new_groups:
            write(f"new group, without permissions: {name}")
        if adoption.privileged:
            write(f"staff and superusers, whose roles are not taken: {adoption.privileged:,}")
        for provider, number in adoption.social_accounts:
            write(f"social accounts, not taken: {number:,} of {provider}")
