"""What other connections do to this thread's one: lock rows, change columns, or end it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection

from core.database.roles.owner import as_owner
from users.accounts.models import Profile


@contextmanager
def locked_elsewhere(statement: str) -> Iterator[None]:
    """Execute a statement that locks, by another connection, for the duration of the block."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(statement)
        yield
        other.rollback()
    finally:
        other.close()


def terminate(pid: int) -> None:
    """End a server process, as a restart of PostgreSQL does."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    finally:
        other.close()


@contextmanager
def connection_to_terminate() -> Iterator[Callable[[float, int], None]]:
    """Open a connection; yield a function that ends a server process after some seconds."""
    other = connection.copy()
    other.inc_thread_sharing()
    try:
        with other.cursor() as cursor:

            def terminate_soon(seconds: float, pid: int) -> None:
                time.sleep(seconds)
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])

            yield terminate_soon
    finally:
        other.close()


@contextmanager
def resized_nickname() -> Iterator[None]:
    """Change the type of a profile's column, as a migration beside running processes does."""
    length = Profile._meta.get_field("nickname").max_length or 0

    def resize(length: int) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE accounts_profile ALTER nickname TYPE varchar({length})")

    with ThreadPoolExecutor(1) as owner:
        owner.submit(resize, length + 1).result()
        try:
            yield
        finally:
            owner.submit(resize, length).result()
