"""Migrate as the owner of the tables, and let the service use them."""

from typing import Any

from django.core.management.commands import migrate

from core.database.roles.grants import check_service_role, grant_to_service
from core.database.roles.owner import as_owner


class Command(migrate.Command):
    """Django's command, by the role that `MIGRATION_DATABASE_URL` names."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run as the owner from the first look at the database."""
        with as_owner():
            return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse to begin without the service's role; grant it its rights in the end."""
        check_service_role()
        super().handle(*args, **options)
        if not (options["plan"] or options["check_unapplied"]):
            grant_to_service()
