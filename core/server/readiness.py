"""Readiness: whether a pod should receive requests."""

from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import Error, connection

from core.bounded_calls import BoundedCalls, BusyError

# Less than the time-outs of probes (k8s/base/web.yaml, compose.yaml).
SECONDS: Final = 1.0
_checks: Final = BoundedCalls(1, "readiness")


def bounded_readiness_problem() -> str | None:
    """Return what `readiness_problem` does, by a thread and a connection of its own.

    PostgreSQL's time-outs do not end a statement if its server hangs. So after `SECONDS` this
    returns that it does not respond, also while the thread still waits.
    """
    try:
        return _checks.run(_check_own_connection, SECONDS)
    except (BusyError, TimeoutError):
        return "database does not respond"


def _check_own_connection() -> str | None:
    # As before each request: a broken connection is replaced.
    connection.close_if_unusable_or_obsolete()
    return readiness_problem()


def readiness_problem() -> str | None:
    """Return why the pod should receive no requests; None if it should.

    Redis is not checked, because requests are served without it.
    """
    if settings.DRAIN_FILE and Path(settings.DRAIN_FILE).exists():
        return "draining"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "database unreachable"
    return None
