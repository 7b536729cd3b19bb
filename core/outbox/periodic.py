"""Periodic tasks: each declares its interval for Celery Beat."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from celery import Task

from core.outbox.queues import Queue
from core.outbox.routed_tasks import task
from core.telemetry.quiet import quiet_tasks

# The tasks of all imported `tasks` modules by name; `settings.CELERY_BEAT_SCHEDULE`.
schedule: Final[dict[str, dict[str, Any]]] = {}
RECONNECT: Final = {"max_retries": 1, "interval_start": 0}


def periodic(name: str, *, every: timedelta) -> Callable[[Callable[[], None]], Task[[], None]]:
    """Register the decorated function as a task that Beat sends to `Queue.PERIODIC`.

    A run that no worker has received within the interval expires, so that runs do not accumulate
    without a worker. Beat reconnects to a broker that restarted, and gives up on one that is down
    until the next run.
    """

    def register(function: Callable[[], None]) -> Task[[], None]:
        options = {"expires": every.total_seconds(), "retry": True, "retry_policy": RECONNECT}
        schedule[name] = {"task": name, "schedule": every, "options": options}
        quiet_tasks.add(name)
        return task(name, queue=Queue.PERIODIC)(function)

    return register
