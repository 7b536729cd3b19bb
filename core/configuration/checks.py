"""System checks of settings that depend on one another."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning


def check_outbox_lease(**_arguments: Any) -> list[CheckMessage]:
    """Warn if a message may be given to a second worker while the first is still at it."""
    if settings.OUTBOX_LEASE.total_seconds() > settings.CELERY_TASK_TIME_LIMIT:
        return []
    return [
        CheckWarning(
            "OUTBOX_LEASE_SECONDS is not longer than a task may run, so mails may be sent twice.",
            hint=f"Set it above {settings.CELERY_TASK_TIME_LIMIT}.",
            id="roster.W001",
        )
    ]


def owner_is_separate(**_arguments: Any) -> list[CheckMessage]:
    """Warn if the service owns its tables: then nothing that it writes is append-only."""
    if settings.MIGRATION_DATABASE["USER"] != settings.DATABASES["default"]["USER"]:
        return []
    return [
        CheckWarning(
            "MIGRATION_DATABASE_URL names no other user than DATABASE_URL, so the service owns "
            "its tables and could change the audit trail.",
            hint="Give the migrations a role of their own; see docs/deployment.md.",
            id="roster.W002",
        )
    ]
