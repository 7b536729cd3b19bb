"""Calls that wait for rows which another transaction has locked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, transaction

from tests.core.test_outbox import eventually
from tests.core.test_ratelimit import has_waiting_backend
from users.accounts.models import User

T = TypeVar("T")


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
            eventually(has_waiting_backend)
            change()
        return answer.result()
