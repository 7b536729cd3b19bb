"""System checks of settings that depend on one another."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning


def lease_outlives_tasks(**_arguments: Any) -> list[CheckMessage]:
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
