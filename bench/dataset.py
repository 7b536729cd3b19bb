"""The benchmark's data: built once per size, and kept.

A directory contains PostgreSQL, Redis and the key that seals Roster's cursors. The data is rebuilt
if the code that built it has changed.
"""

import json
import os
import random
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, LiteralString
from uuid import UUID

import psutil
import psycopg

from core.dev.embedded import services

ROOT: Final = Path(__file__).resolve().parent.parent
SIZES: Final = "*/*/migrations/*.py", "users/demo/**/*.py", "bench/dataset.py"
PEOPLE_PER_ORGANIZATION: Final = 200
PAGE: Final = 50
# Basic tuning of PostgreSQL, independent of the application.
SETTINGS: Final[dict[str, str]] = {
    "effective_cache_size": "4GB",
    "random_page_cost": "1.1",
    "shared_buffers": "1GB",
}
# Trigram indexes for the peers' search: Django filters by `UPPER(column)`, the peers on
# Node by `column ILIKE`.
INDEXES: Final[Sequence[LiteralString]] = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    *(
        f"CREATE INDEX bench_{column}_{kind} ON accounts_user USING gin ({term} gin_trgm_ops)"
        for column in ("username", "name", "email")
        for kind, term in (("plain", column), ("upper", f"UPPER({column}::text)"))
    ),
)


class DatasetError(RuntimeError):
    """The data could not be built; the failed step has printed its error."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A running PostgreSQL and Redis with ``size`` users."""

    size: int
    directory: Path
    urls: dict[str, str]
    postmaster: int

    def rows(self, statement: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
        """Execute a statement as the superuser; return its rows."""
        with psycopg.connect(self.urls["MIGRATION_DATABASE_URL"], autocommit=True) as connection:
            return connection.execute(statement, parameters).fetchall()

    @property
    def secret_key(self) -> str:
        """The SECRET_KEY of the service with this data."""
        return (self.directory / "secret_key").read_text(encoding="utf-8")

    def ids_in_order(self) -> list[UUID]:
        """Return all users' ids in the order in which they joined."""
        return [id_ for (id_,) in self.rows("SELECT id FROM accounts_user ORDER BY id")]

    def organizations(self, count: int, rng: random.Random) -> list[UUID]:
        """Return random organisations with enough members to fill a page."""
        found = self.rows(
            "SELECT organization_id FROM organizations_membership"
            " GROUP BY organization_id HAVING COUNT(*) >= %s ORDER BY organization_id",
            PAGE,
        )
        return rng.sample([id_ for (id_,) in found], min(count, len(found)))

    def members(self, organizations: Sequence[UUID]) -> list[UUID]:
        """Return the ids of the members of organisations."""
        found = self.rows(
            "SELECT user_id FROM organizations_membership WHERE organization_id = ANY(%s)",
            list(organizations),
        )
        return [id_ for (id_,) in found]


@contextmanager
def open_dataset(size: int, directory: Path) -> Iterator[Dataset]:
    """Run the servers of a dataset with ``size`` users; build it if necessary.

    Raises `DatasetError`.
    """
    marker = directory / "built.json"
    stamp = {"size": size, "code": _fingerprint()}
    if not marker.exists() or json.loads(marker.read_text(encoding="utf-8")) != stamp:
        if directory.exists():
            shutil.rmtree(directory)
        # In a new process, because the wheel can start PostgreSQL only once per process.
        build = [sys.executable, "-m", "bench.dataset", str(size), str(directory)]
        if subprocess.run(build, cwd=ROOT, check=False).returncode:
            raise DatasetError(f"the data in {directory} could not be built")
        marker.write_text(json.dumps(stamp), encoding="utf-8")
    with _run_servers(size, directory) as dataset:
        yield dataset


@contextmanager
def _run_servers(size: int, directory: Path) -> Iterator[Dataset]:
    with services(directory, {}) as urls:
        pid_file = directory / "postgresql" / "postmaster.pid"
        postmaster = int(pid_file.read_text(encoding="utf-8").split()[0])
        yield Dataset(size, directory, urls, psutil.Process(postmaster).pid)


def _build(size: int, directory: Path) -> None:
    directory.mkdir(parents=True)
    # The embedded PostgreSQL runs as another user.
    directory.chmod(0o755)
    (directory / "secret_key").write_text(secrets.token_urlsafe(48), encoding="utf-8")
    with _run_servers(size, directory) as dataset:
        environ = environment(dataset) | {"DEMO": "1"}
        organizations = max(1, size // PEOPLE_PER_ORGANIZATION)
        _manage(environ, "migrate", "--verbosity", "0")
        _manage(environ, "seed", "--users", str(size), "--organizations", str(organizations))
        url = dataset.urls["MIGRATION_DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in INDEXES:
                connection.execute(statement)
            for name, value in SETTINGS.items():
                setting = psycopg.sql.SQL("ALTER SYSTEM SET {} = {}").format(
                    psycopg.sql.Identifier(name), psycopg.sql.Literal(value)
                )
                connection.execute(setting)
            connection.execute("VACUUM (ANALYZE)")


def environment(dataset: Dataset) -> dict[str, str]:
    """Return the environment of all contestants, with only the paths from the shell."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        **dataset.urls,
        "SECRET_KEY": dataset.secret_key,
        "ALLOWED_HOSTS": "127.0.0.1",
        "PUBLIC_URL": "http://127.0.0.1",
        "WEB_CONCURRENCY": "1",
        "WEB_ACCESS_LOG": "0",
        # Longer than a run of all scenarios, so that no token expires and authentication stays
        # recent.
        "ACCESS_TOKEN_MINUTES": "60",
        "REAUTHENTICATION_MINUTES": "60",
        # Points are counted as usual, with a limit above the benchmark's load.
        "GRAPHQL_POINTS_PER_MINUTE": "1000000000",
        "PYTHONWARNINGS": "ignore",
    }


def _manage(environ: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=environ, check=True)


def _fingerprint() -> str:
    """Return a digest of the code that builds the data."""
    files = sorted(path for pattern in SIZES for path in ROOT.glob(pattern))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


if __name__ == "__main__":
    _build(int(sys.argv[1]), Path(sys.argv[2]))
