"""Processes of the service on the test database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from tests.support.celery_workers import Workers


def environ_of_tests(**environ: str) -> dict[str, str]:
    """Return the environment for a process of the service that works on the test database."""
    database = settings.DATABASES["default"]
    address = f"{database['USER']}:{database['PASSWORD']}@/{database['NAME']}"
    options = f"host={database['HOST']}&port={database['PORT'] or 5432}"
    return without_owner() | {"DATABASE_URL": f"postgresql://{address}?{options}"} | environ


def without_owner() -> dict[str, str]:
    """Return the environment without the URL of the owner, which names another database."""
    return {name: os.environ[name] for name in os.environ if name != "MIGRATION_DATABASE_URL"}


@contextmanager
def celery_worker(**environ: str) -> Iterator[None]:
    """Run a real Celery worker on the test database until the block ends.

    For tests that need an environment of their own; the others use `workers`, to start sooner.
    """
    with Workers(environ_of_tests(**environ)) as workers, workers.running():
        yield
