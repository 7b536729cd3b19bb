"""Processes of the service on the test database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings

from tests.support.celery_workers import SECONDS_TO_STOP


def environ_of_tests(**environ: str) -> dict[str, str]:
    """Return the environment for a process of the service that works on the test database."""
    database = settings.DATABASES["default"]
    address = f"{database['USER']}:{database['PASSWORD']}@/{database['NAME']}"
    options = f"host={database['HOST']}&port={database['PORT'] or 5432}"
    inherited = {name: os.environ[name] for name in os.environ if name != "MIGRATION_DATABASE_URL"}
    return inherited | {"DATABASE_URL": f"postgresql://{address}?{options}"} | environ


@contextmanager
def celery_worker(**environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real Celery worker on the test database until the block ends.

    For tests that need an environment of their own; the others fork `workers`, in less time.
    """
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "core", "--quiet", "worker"]
    worker = subprocess.Popen(
        [*command, "--concurrency", "1", "--loglevel", "ERROR", "--without-mingle"],
        env=environ_of_tests(**environ),
    )
    try:
        yield worker
    finally:
        # Celery may miss a signal that arrives while it starts; it ignores repeated ones.
        for _second in range(SECONDS_TO_STOP):
            worker.terminate()
            with suppress(subprocess.TimeoutExpired):
                worker.wait(timeout=1)
                break
        else:
            worker.kill()
            worker.wait()
