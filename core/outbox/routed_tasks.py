"""Celery tasks of a queue."""

from collections.abc import Callable
from typing import ParamSpec

from celery import Task, shared_task

from core.outbox.queues import Queue, routes

P = ParamSpec("P")


def task(name: str, *, queue: Queue) -> Callable[[Callable[P, None]], Task[P, None]]:
    """Register the decorated function as a Celery task of a queue."""
    routes[name] = {"queue": queue.value}
    return shared_task(name=name)
