"""PostgreSQL servers on loopback that a test may kill, promote and replicate."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
from django.conf import settings

from core.dev import standby
from core.dev.embedded import PROGRAMS
from core.dev.ports import free_port

HOST: Final = "127.0.0.1"
TIMEOUT: Final = 60
ROLES: Final = ("roster_owner", "roster")
PASSWORD: Final = "s3cret"
CONFIGURATION: Final = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 32MB
max_connections = 60
# What survives a kill of the server need not survive one of the machine.
fsync = off
# Also when the connection to the primary breaks.
wal_retrieve_retry_interval = 200ms
"""


def system_user() -> str | None:
    """Return the user of the tests' embedded server."""
    return standby.system_user(Path(settings.DATABASES["default"]["HOST"]))


def run_program(program: str, *arguments: str | Path, programs: Path = PROGRAMS) -> None:
    """Run one of PostgreSQL's programs as the servers' user; fail the test if it fails."""
    result = subprocess.run(
        [programs / program, *arguments],
        user=system_user(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert result.returncode == 0, result.stderr


class PostgresServer:
    """A server, by default of the embedded programs, with the documentation's roles and database.

    Clients authenticate by password (SCRAM), as in production.
    """

    def __init__(self, directory: Path, name: str, *, programs: Path = PROGRAMS) -> None:
        """Take a directory that the server's user may enter; nothing is started."""
        self.name = name
        self._programs = programs
        self.port = free_port()
        self.pgdata = directory / name
        self.log = directory / f"{name}.log"
        self._user = system_user()
        self._process: subprocess.Popen[bytes] | None = None

    def initialize(self) -> None:
        """Create an empty cluster, whose superuser is `postgres`."""
        secret = self.pgdata.with_suffix(".secret")
        secret.write_text(PASSWORD, encoding="utf-8")
        if self._user:
            shutil.chown(secret, self._user)
        options = ("--username", "postgres", "--auth", "scram-sha-256", "--encoding", "utf8")
        self._run("initdb", "-D", self.pgdata, *options, "--pwfile", secret, "--no-sync")
        self._configure()

    def clone(self, primary: "PostgresServer") -> None:
        """Become a standby of a running primary, which knows it by its name."""
        shutil.rmtree(self.pgdata, ignore_errors=True)
        source = f"{primary.url('postgres', 'postgres')}?application_name={self.name}"
        options = ("--write-recovery-conf", "--checkpoint", "fast", "--no-sync")
        self._run("pg_basebackup", "-D", self.pgdata, "-d", source, *options)
        self._configure()

    def _run(self, program: str, *arguments: str | Path) -> None:
        run_program(program, *arguments, programs=self._programs)

    def _configure(self) -> None:
        path = self.pgdata / "postgresql.conf"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{CONFIGURATION}port = {self.port}\n")

    def start(self) -> None:
        """Start the server; return when it accepts connections."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.pgdata],
                stdout=log,
                stderr=log,
                user=self._user,
                start_new_session=True,
            )
        ready = ("-h", HOST, "-p", str(self.port), "-U", "postgres", "-d", "postgres", "-q")
        while subprocess.run([PROGRAMS / "pg_isready", *ready], check=False).returncode:
            assert self._process.poll() is None, self.log.read_text(encoding="utf-8")
            time.sleep(0.02)

    def recover(self, archive: Path, point: str) -> None:
        """Start on a base back-up, and recover to a named point of the archived log."""
        signal_file = self.pgdata / "recovery.signal"
        signal_file.touch()
        shutil.chown(signal_file, self.pgdata.owner())
        self.set_offline(
            archive_mode="off",
            restore_command=f"cp {archive}/%f %p",
            recovery_target_name=point,
            recovery_target_action="promote",
            port=str(self.port),
        )
        self.start()
        with self.connect() as connection:
            while connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
                time.sleep(0.05)

    @property
    def pid(self) -> int | None:
        """The postmaster's id; None if it does not run."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and running else None

    def kill(self) -> None:
        """End all processes of the server by SIGKILL, as a power failure would."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(timeout=TIMEOUT)

    def stop_immediately(self) -> None:
        """Stop without a checkpoint (`pg_ctl stop -m immediate`), so that a start recovers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=TIMEOUT)

    def signal(self, number: int) -> None:
        """Send a signal to the server and its backends, such as SIGSTOP."""
        if (pid := self.pid) is None:
            return
        # They lead sessions of their own, so they are no process group.
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        # The postmaster first, which would replace a killed backend.
        for each in [pid, *map(int, children.split())]:
            with suppress(ProcessLookupError):
                os.kill(each, number)

    def promote(self) -> None:
        """Make a standby the primary; return when it accepts writes."""
        self._run("pg_ctl", "-D", self.pgdata, "-w", "-t", str(TIMEOUT), "promote")

    def set(self, **parameters: str) -> None:
        """Change parameters of the running server."""
        with self.connect() as connection:
            for name, value in parameters.items():
                connection.execute(
                    psycopg.sql.SQL("ALTER SYSTEM SET {} = {}").format(
                        psycopg.sql.Identifier(name), value
                    )
                )
            connection.execute("SELECT pg_reload_conf()")

    def set_offline(self, **parameters: str) -> None:
        """Set parameters of a server that is not running, whatever its primary has."""
        with (self.pgdata / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in parameters.items())

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """Connect as the superuser."""
        return psycopg.connect(self.url("postgres", database), autocommit=True, connect_timeout=5)

    def url(self, user: str, database: str) -> str:
        return f"postgresql://{user}:{PASSWORD}@{HOST}:{self.port}/{database}"

    def create_roles(self, database: str = "roster") -> None:
        """Create both roles and the database, as `docs/deployment.md` says."""
        with self.connect() as connection:
            for role in ROLES:
                connection.execute(
                    psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        psycopg.sql.Identifier(role), PASSWORD
                    )
                )
            connection.execute(
                psycopg.sql.SQL("CREATE DATABASE {} OWNER roster_owner").format(
                    psycopg.sql.Identifier(database)
                )
            )

    def copy_test_database(self, database: str = "roster") -> None:
        """Fill the database with a copy of the tests', which its owner owns."""
        tests = settings.DATABASES["default"]
        address = f"host={quote(tests['HOST'], safe='')}&port={tests['PORT'] or 5432}"
        url = f"postgresql://postgres@/{tests['NAME']}?{address}"
        dump = self.pgdata.with_suffix(".dump")
        run_program("pg_dump", "--format", "custom", "--dbname", url, "--file", dump)
        options = ("--no-owner", "--no-privileges", "--no-comments", "--exit-on-error")
        run_program("pg_restore", "--dbname", self.url("roster_owner", database), *options, dump)


@contextmanager
def server_directory() -> Iterator[Path]:
    """A directory for servers, which their user may enter and write."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        if user := system_user():
            shutil.chown(name, user)
        yield Path(name)


@contextmanager
def postgres_server(
    name: str = "primary", *, programs: Path = PROGRAMS
) -> Iterator[PostgresServer]:
    """Run a server with both roles and an empty database within the block."""
    with server_directory() as directory:
        server = PostgresServer(directory, name, programs=programs)
        server.initialize()
        server.start()
        try:
            server.create_roles()
            yield server
        finally:
            server.kill()
