"""Periodic tasks: each declares its interval for Celery Beat."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from celery import Task, shared_task

# The tasks of all imported `tasks` modules by name; `settings.CELERY_BEAT_SCHEDULE`.
schedule: Final[dict[str, dict[str, Any]]] = {}


def periodic(name: str, *, every: timedelta) -> Callable[[Callable[[], None]], Task[[], None]]:
    """Register the decorated function as a task that Beat sends at an interval.

    A run that no worker has received within the interval expires, so that runs do not accumulate
    without a worker.
    """

    def register(function: Callable[[], None]) -> Task[[], None]:
        options = {"expires": every.total_seconds()}
        schedule[name] = {"task": name, "schedule": every, "options": options}
        return shared_task(name=name)(function)

    return register
