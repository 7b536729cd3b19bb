"""Databases without tables, for tests of migrations, dumps and restores."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from django.db import connection

from core.database.roles.owner import as_owner


@contextmanager
def fresh_database() -> Iterator[str]:
    """Connect this thread as the owner to a new database; yield its name.

    It is dropped after the block.
    """
    name = f"fresh_{uuid4().hex}"
    with as_owner():
        before = connection.settings_dict
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            connection.close()
            connection.settings_dict = before | {"NAME": name}
            yield name
        finally:
            connection.close()
            connection.settings_dict = before
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
