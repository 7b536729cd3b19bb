"""`manage.py migrate` as the owner, followed by the grants to the service."""

from typing import Any

from django.core.management.commands import migrate

from core.database.roles.grants import check_service_role, grant_to_service
from core.database.roles.owner import as_owner
from core.database.schema_changes.executor import PatientExecutor

# Django's command has no other way to choose the executor.
migrate.MigrationExecutor = PatientExecutor  # type: ignore[attr-defined]


class Command(migrate.Command):
    """Django's command, run by the role in `MIGRATION_DATABASE_URL` with patience for locks."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run as the owner, including the system checks."""
        with as_owner():
            return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the service's role, migrate, then grant its privileges."""
        check_service_role()
        super().handle(*args, **options)
        if not (options["plan"] or options["check_unapplied"]):
            grant_to_service()
