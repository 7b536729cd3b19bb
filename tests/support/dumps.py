"""Dumps of the test database, and restores."""

import os
import subprocess
from pathlib import Path
from typing import Final

from django.db import connection

from core.database.roles.owner import as_owner
from core.dev.embedded import PROGRAMS
from tests.support.emptying import tables

# All rows, without what is not ours to restore.
DATA: Final = ("--data-only", "--disable-triggers", "--exclude-table=django_migrations")


def dump(path: Path) -> None:
    """Dump the rows of all tables."""
    _run("pg_dump", *DATA, f"--file={path}")


def restore(path: Path) -> None:
    """Replace the rows of all tables by those of the dump."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables())}")
    _run("psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={path}")


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL as the owner; it has the server's version."""
    with as_owner():
        database = connection.settings_dict
    environ = {
        "PGHOST": database["HOST"],
        "PGPORT": str(database["PORT"] or 5432),
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
        "PGDATABASE": database["NAME"],
    }
    subprocess.run(
        [PROGRAMS / program, *arguments],
        env=os.environ | environ,
        check=True,
        capture_output=True,
    )
