"""System check of the outbox's settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning


def check_outbox_lease(**_arguments: Any) -> list[CheckMessage]:
    """Warn if a lease may expire while its worker still processes the message."""
    if settings.OUTBOX_LEASE.total_seconds() > settings.CELERY_TASK_TIME_LIMIT:
        return []
    return [
        CheckWarning(
            "OUTBOX_LEASE_SECONDS must be longer than the time limit of a task. Otherwise two "
            "workers may process a message at the same time.",
            hint=f"Set it above {settings.CELERY_TASK_TIME_LIMIT}.",
            id="roster.W001",
        )
    ]
