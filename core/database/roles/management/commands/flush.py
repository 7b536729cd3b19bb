"""`manage.py flush` as the owner, because the service cannot delete append-only rows."""

from typing import Any

from django.core.management.commands import flush

from core.database.roles.owner import as_owner


class Command(flush.Command):
    """Django's command, run by the role in `MIGRATION_DATABASE_URL`."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run as the owner."""
        with as_owner():
            return super().execute(*args, **options)
