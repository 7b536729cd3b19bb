"""Waiting for conditions, and calls that wait for rows that another transaction has locked."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, transaction

from users.accounts.models import User

T = TypeVar("T")


def wait_until(
    condition: Callable[[], object], what: str = "the condition", *, seconds: float = 60
) -> None:
    """Wait until the condition holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(0.02)


def has_waiting_backend() -> bool:
    """Return whether a backend waits for a lock that this connection holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone() is not None


def meanwhile(user: User, ask: Callable[[], T], change: Callable[[], object]) -> T:
    """Send a request, and make the change once it waits for the user's row."""
    return during(lambda: User.objects.select_for_update().get(pk=user.pk), ask, change)


def during(
    held: Callable[[], object], ask: Callable[[], T], change: Callable[[], object] = lambda: None
) -> T:
    """Make a call before another one is committed; it has to wait.

    The change is made in the transaction that it waits for.
    """

    def apart() -> T:
        try:
            return ask()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            held()
            answer = pool.submit(apart)
            wait_until(has_waiting_backend)
            change()
        return answer.result()
