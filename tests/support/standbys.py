"""Streaming replicas of the tests' PostgreSQL, of the same binaries."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import psutil
import psycopg
from django.conf import settings

from core.database.replicas import pool, replica
from core.database.replicas.pool import REPLICAS
from core.dev.standby import arguments, clone, system_user
from tests.support.waiting import wait_until

TIMEOUT: Final = 60.0


@dataclass
class Standby:
    """A replica that listens on a socket in its data directory."""

    directory: Path
    user: str | None
    process: "subprocess.Popen[bytes] | None" = None
    _paused: list[psutil.Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The URL of the test database, as the service's role."""
        database = settings.DATABASES["default"]
        return f"postgresql://{database['USER']}@/{database['NAME']}?host={self.directory}"

    @property
    def parameters(self) -> dict[str, Any]:
        """Django's settings, as `core.settings` makes them of the URL."""
        database = settings.DATABASES["default"]
        options = {"connect_timeout": 2, "prepare_threshold": 5}
        names = {name: database[name] for name in ("NAME", "USER", "PASSWORD")}
        return names | {"HOST": str(self.directory), "PORT": "", "OPTIONS": options}

    def start(self, **configuration: str) -> None:
        """Start, and wait until it answers."""
        more = [f"{name}={value}" for name, value in configuration.items()]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                arguments(self.directory, self.directory, *more),
                stdout=log,
                stderr=log,
                user=self.user,
                start_new_session=True,
            )
        wait_until(self._answers, f"{self.directory}/log")

    def execute(self, sql: str) -> Any:
        """Execute a statement as the superuser; return the first value, if any."""
        url = f"postgresql://postgres@/{settings.DATABASES['default']['NAME']}"
        with psycopg.connect(f"{url}?host={self.directory}", autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def pause(self) -> None:
        """Stop all its processes, as a machine that hangs."""
        assert self.process is not None
        postmaster = psutil.Process(self.process.pid)
        self._paused = [postmaster, *postmaster.children(recursive=True)]
        for each in self._paused:
            with suppress(psutil.NoSuchProcess):
                each.suspend()

    def resume(self) -> None:
        """Continue."""
        for each in self._paused:
            with suppress(psutil.NoSuchProcess):
                each.resume()
        self._paused = []

    def kill(self) -> None:
        """Kill all its processes at once."""
        if self.process is None or self.process.poll() is not None:
            return
        postmaster = psutil.Process(self.process.pid)
        processes = [postmaster, *postmaster.children(recursive=True)]
        for each in processes:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.process.wait()
        psutil.wait_procs(processes, timeout=TIMEOUT)
        (self.directory / "postmaster.pid").unlink(missing_ok=True)
        self.process = None

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "log").read_text()
        try:
            return bool(self.execute("SELECT pg_is_in_recovery()"))
        except psycopg.OperationalError:
            return False


@contextmanager
def standbys(count: int) -> Iterator[list[Standby]]:
    """Yield replicas that do not run yet; kill them at the end."""
    socket = Path(settings.DATABASES["default"]["HOST"])
    owner = socket.stat().st_uid
    user = system_user(socket)
    root = Path(tempfile.mkdtemp(prefix="standbys-"))
    os.chown(root, owner, -1)
    found = [Standby(root / str(number), user) for number in range(1, count + 1)]
    try:
        clone(socket, found[0].directory)
        for each in found[1:]:
            subprocess.run(
                ["cp", "-r", "-p", found[0].directory, each.directory], check=True, user=user
            )
        yield found
    finally:
        for each in found:
            each.resume()
            each.kill()
        shutil.rmtree(root)


@contextmanager
def in_use(*found: Standby, max_lag: float) -> Iterator[None]:
    """Have this process use replicas, which may be so many seconds behind.

    They are looked at, and taken back, sooner than in production.
    """
    with patch.object(pool, "POLL_SECONDS", 0.05), patch.object(replica, "RETRY_SECONDS", 1.0):
        REPLICAS.configure([each.parameters for each in found], max_lag)
        try:
            yield
        finally:
            REPLICAS.configure((), 0.0)
