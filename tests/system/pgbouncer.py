"""Debian's PgBouncer in front of the tests' PostgreSQL, on loopback."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings
from psycopg.rows import dict_row

from core.dev.ports import free_port
from tests.support.waiting import wait_until
from tests.system.cluster import HOST, TIMEOUT
from tests.system.programs import require_program

# PgBouncer's administration database.
CONSOLE: Final = "pgbouncer"
CONFIGURATION: Final = """
[databases]
{name} = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = trust
auth_file = {directory}/users
stats_users = {user}
ignore_startup_parameters = options
pool_mode = transaction
default_pool_size = {connections}
; The next statement of a client goes to the next connection, if it may.
server_round_robin = 1
"""


@dataclass(frozen=True, slots=True)
class PgBouncer:
    """A pool of connections to the test database."""

    port: int
    database: str
    user: str
    log: Path

    @property
    def url(self) -> str:
        """The URL of the test database through PgBouncer."""
        return f"postgresql://{self.user}@{HOST}:{self.port}/{self.database}"

    def connect(self) -> psycopg.Connection[Any]:
        """Connect to the test database as the service's role, without prepared statements."""
        return psycopg.connect(self.url, autocommit=True, prepare_threshold=None)

    def show(self, what: str) -> dict[str, Any]:
        """Return the test database's row of PgBouncer's SHOW command."""
        url = self.url.removesuffix(self.database) + CONSOLE
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as console:
            rows = console.execute(f"SHOW {what}".encode()).fetchall()
        (found,) = (row for row in rows if row["database"] == self.database)
        return found


@contextmanager
def pgbouncer(*, connections: int, host: str | None = None) -> Iterator[PgBouncer]:
    """Run PgBouncer with transaction pooling and a number of server connections.

    ``host`` is the directory of another server's socket than the primary's.
    """
    program = require_program("pgbouncer", "pgbouncer")
    database = settings.DATABASES["default"]
    # PgBouncer refuses to run as root; the owner of PostgreSQL's socket may connect.
    host = host or database["HOST"]
    owner = Path(host).stat().st_uid
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        directory = Path(name)
        found = PgBouncer(free_port(), database["NAME"], database["USER"], directory / "log")
        (directory / "users").write_text(f'"{found.user}" ""\n', encoding="utf-8")
        (directory / "ini").write_text(
            CONFIGURATION.format(
                name=found.database,
                host=host,
                port=database["PORT"] or 5432,
                listen_port=found.port,
                directory=directory,
                user=found.user,
                connections=connections,
            ),
            encoding="utf-8",
        )
        for path in (directory, *directory.iterdir()):
            os.chown(path, owner, -1)
        with found.log.open("wb") as log:
            process = subprocess.Popen(
                [program, directory / "ini"],
                stdout=log,
                stderr=log,
                user=owner if os.geteuid() == 0 else None,
            )
        try:
            wait_until(lambda: _answers(found, process), "PgBouncer")
            yield found
        finally:
            process.terminate()
            process.wait(timeout=TIMEOUT)


def _answers(pool: PgBouncer, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, pool.log.read_text(encoding="utf-8")
    try:
        pool.connect().close()
    except psycopg.OperationalError:
        return False
    return True
