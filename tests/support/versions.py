"""Versions of entities, and which of them a change touches."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString, cast
from uuid import UUID

import psycopg
from django.db import connection

from core.versions.lookup import VERSION, read_version
from core.versions.models import VersionPart


def version(*entities: UUID) -> int:
    """Return the common version of entities."""
    return read_version(entities)


def touched_by(change: Callable[[], object]) -> set[UUID]:
    """Return the keys that the change touches.

    Earlier touches are removed first, because a transaction touches an entity once.
    """
    VersionPart.objects.all().delete()
    change()
    return set(VersionPart.objects.values_list("entity", flat=True))


def names_of(keys: set[UUID], names: Mapping[str, UUID]) -> set[str]:
    """Return the names of keys; those without a name as text."""
    by_key = {key: name for name, key in names.items()}
    return {by_key.get(key, str(key)) for key in keys}


@contextmanager
def service_connection(**settings: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect as the service, in transactions.

    A statement that has to wait for a lock fails, so a test of statements without waiting does not
    depend on time. ``settings`` are of the session.
    """
    database = connection.settings_dict
    options = {"lock_timeout": "100ms"} | settings
    with psycopg.connect(
        dbname=database["NAME"],
        user=database["USER"],
        password=database["PASSWORD"],
        host=database["HOST"],
        port=database["PORT"] or 5432,
        options=" ".join(f"-c {name}={value}" for name, value in options.items()),
    ) as opened:
        yield opened


def version_in(opened: psycopg.Connection[Any], *entities: UUID) -> int:
    """Return the common version of entities, as another connection sees it."""
    row = opened.execute(cast("LiteralString", VERSION.sql), [list(entities)]).fetchone()
    assert row is not None
    return int(row[0])
