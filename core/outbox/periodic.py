"""Tasks that run again and again: each declares its interval, which fills Beat's schedule."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from celery import Task, shared_task

# Of all imported `tasks` modules, by the task's name; `settings.CELERY_BEAT_SCHEDULE`.
schedule: Final[dict[str, dict[str, Any]]] = {}


def periodic(name: str, *, every: timedelta) -> Callable[[Callable[[], None]], Task[[], None]]:
    """Make the decorated function a task that Beat sends once in an interval.

    A run that no worker took within the interval expires, so that runs do not pile up while there
    is no worker.
    """

    def register(function: Callable[[], None]) -> Task[[], None]:
        options = {"expires": every.total_seconds()}
        schedule[name] = {"task": name, "schedule": every, "options": options}
        return shared_task(name=name)(function)

    return register
