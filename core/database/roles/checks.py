"""System check of the database roles."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning


def owner_is_separate(**_arguments: Any) -> list[CheckMessage]:
    """Warn if the service owns its tables, because then no table is append-only."""
    if settings.MIGRATION_DATABASE["USER"] != settings.DATABASES["default"]["USER"]:
        return []
    return [
        CheckWarning(
            "MIGRATION_DATABASE_URL and DATABASE_URL name the same user, so the service owns its "
            "tables and could change the audit trail.",
            hint="Create a separate role for migrations; see docs/deployment.md.",
            id="roster.W002",
        )
    ]
