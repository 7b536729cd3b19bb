"""Requests that wait for a person's row while something changes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection, transaction

from tests.core.test_outbox import eventually
from tests.core.test_ratelimit import has_waiting_backend
from tests.support.client import Answer
from users.accounts.models import User


def meanwhile(user: User, ask: Callable[[], Answer], change: Callable[[], object]) -> Answer:
    """Ask, and make the change when the request has come as far as to the person's row."""

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
