"""Requests that wait for a user's locked row during a change."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, transaction

from tests.core.test_outbox import eventually
from tests.core.test_ratelimit import has_waiting_backend
from tests.support.client import Answer
from users.accounts.models import User


def meanwhile(user: User, ask: Callable[[], Answer], change: Callable[[], object]) -> Answer:
    """Send a request, and make the change once it waits for the user's row."""

    def apart() -> Answer:
        try:
            return ask()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=user.pk)
            answer = pool.submit(apart)
            eventually(has_waiting_backend)
            change()
        return answer.result()
