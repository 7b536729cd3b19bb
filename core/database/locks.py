"""Advisory locks, for work that one process does at a time."""

from django.db import connection


def try_lock(key: int) -> bool:
    """Take a lock until the transaction ends; return False if it is taken.

    The next holder sees what was committed. ``key`` is a number that nothing else uses.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        return bool(cursor.fetchone() == (True,))


def wait_for_lock(key: int) -> None:
    """Take a lock until the transaction ends, once no other transaction has it.

    ``key`` is a number that nothing else uses.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
