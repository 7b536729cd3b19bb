"""Streaming replicas of an embedded PostgreSQL, of the same programs."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.dev.embedded import PROGRAMS, EmbeddedError

TIMEOUT: Final = 60
# Less than the primary needs, as several servers share the machine.
SMALL: Final = ("shared_buffers=16MB", "wal_receiver_status_interval=1", "listen_addresses=")


def system_user(socket: Path) -> str | None:
    """Return the user of a running server if this is root, whom PostgreSQL refuses."""
    return socket.owner() if os.geteuid() == 0 else None


def clone(socket: Path, directory: Path, user: str = "postgres") -> None:
    """Copy the data of a running server into a directory, as that of a replica.

    The user of the database may replicate. Raises `EmbeddedError`.
    """
    done = subprocess.run(
        [
            *(PROGRAMS / "pg_basebackup", "-h", socket, "-U", user),
            *("-D", directory, "-R", "-X", "stream", "-c", "fast", "--no-sync"),
        ],
        check=False,
        cwd="/",
        user=system_user(socket),
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise EmbeddedError(f"PostgreSQL was not copied: {done.stderr.strip()}")
    # The primary's socket may be in its data directory.
    for name in ("log", *(path.name for path in directory.glob(".s.PGSQL.*"))):
        (directory / name).unlink(missing_ok=True)


def arguments(directory: Path, socket: Path, *configuration: str) -> list[str]:
    """Return the command of a replica that listens in a directory only."""
    command = [str(PROGRAMS / "postgres"), "-D", str(directory), "-k", str(socket)]
    for each in (*SMALL, *configuration):
        command += ["-c", each]
    return command


@contextmanager
def standby(
    url: str, owner_url: str, directory: Path, environ: dict[str, str]
) -> Iterator[str | None]:
    """Run a new replica of a server within the block; yield its URL.

    Yields None if the URL has no directory of a Unix socket: such a server is not ours.
    """
    primary = conninfo_to_dict(url)
    socket = Path(str(primary.get("host", "")))
    if not socket.is_absolute():
        yield None
        return
    user = system_user(socket)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    # Its path is short, as those of sockets must be.
    with tempfile.TemporaryDirectory(prefix="roster-") as listens_in:
        if user:
            shutil.chown(directory, user)
            shutil.chown(listens_in, user)
        clone(socket, directory, str(conninfo_to_dict(owner_url)["user"]))
        with (directory / "log").open("ab") as log:
            process = subprocess.Popen(
                arguments(directory, Path(listens_in), "hot_standby_feedback=on"),
                stdout=log,
                stderr=log,
                user=user,
                env=environ,
                start_new_session=True,
            )
        try:
            address = make_conninfo(url, host=listens_in, port=None, connect_timeout=1)
            _wait_for(process, address, directory / "log")
            at = f"{primary['user']}@/{primary['dbname']}"
            yield f"postgresql://{at}?host={quote(listens_in, safe='')}"
        finally:
            # Fast shutdown: it does not wait for clients.
            process.send_signal(signal.SIGINT)
            process.wait(timeout=TIMEOUT)


def _wait_for(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedError(f"The replica did not start; see {log}") from None
            time.sleep(0.05)
        else:
            return
