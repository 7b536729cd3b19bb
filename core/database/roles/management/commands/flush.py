"""Empty the tables as their owner, because the service cannot empty all of them."""

from typing import Any

from django.core.management.commands import flush

from core.database.roles.owner import as_owner


class Command(flush.Command):
    """Django's command, by the role that `MIGRATION_DATABASE_URL` names."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run as the owner."""
        with as_owner():
            return super().execute(*args, **options)
