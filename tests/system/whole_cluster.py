"""`make cluster` on servers that a test may stop, hang and start again."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from core.dev.ports import free_port
from core.outbox.queues import Queue
from tests.support.demo import Demo, demo
from tests.support.postgres_servers import PostgresServer, server_directory
from tests.support.redis_servers import RedisServer
from tests.support.service_processes import without_owner
from tests.support.waiting import wait_until
from tests.system.cluster import ROOT, fetch
from tests.system.programs import require_program

PATIENCE: Final = 120
DATABASE: Final = "roster"
READERS: Final = 3
WRITERS: Final = 2
MEMBERS: Final = 40
ADMINISTRATOR: Final = "administrator"
# The defaults, which the tests' environment replaces by cheaper ones.
ARGON2: Final = {"ARGON2_MEMORY_KIB": "19456", "ARGON2_PASSES": "2"}
SET_UP: Final = f"""
import django; django.setup()
from tests.support.factories import make_user, make_users
from users.accounts.models import User
counts = {{"reader": {READERS}, "writer": {WRITERS}, "member": {MEMBERS}}}
make_users(f"{{each}}{{number}}" for each in counts for number in range(counts[each]))
User.objects.update(is_public=True)
make_user("{ADMINISTRATOR}", is_staff=True, is_superuser=True)
"""
# A load without pauses would reach some limits, and sessions must last as long as the tests.
LIMITS: Final = {
    "GRAPHQL_POINTS_PER_MINUTE": "0",
    "LOG_INS_PER_ADDRESS": "1000",
    "ACCESS_TOKEN_MINUTES": "60",
    "REAUTHENTICATION_MINUTES": "60",
}


@dataclass(frozen=True)
class Cluster:
    """The running cluster and its servers."""

    demo: Demo
    port: int
    primary: PostgresServer
    replica: PostgresServer
    redis: RedisServer

    @property
    def web_ports(self) -> list[int]:
        found = re.search(r"Web processes behind NGINX: (.*)", self.demo.output)
        assert found
        return [int(each) for each in re.findall(r":(\d+)", found[1])]

    def web(self, port: int) -> list[psutil.Process]:
        """Return gunicorn's master and what it forked; nothing if it is down."""
        bind = f"127.0.0.1:{port}"
        return [each for each in self._processes("gunicorn") if _binding(each) == bind]

    def is_ready(self, port: int) -> bool:
        try:
            return fetch(port, "GET", "/readyz")[0].status == 200
        except OSError:
            return False

    def wait_until_ready(self) -> None:
        for port in self.web_ports:
            wait_until(lambda: self.is_ready(port), f"port {port}: ready", seconds=PATIENCE)  # noqa: B023
        wait_until(self._has_workers, "workers", seconds=PATIENCE)

    def _has_workers(self) -> bool:
        workers = self._workers()
        return len(workers) == len(Queue) and all(len(each) > 1 for each in workers.values())

    def restart(self, port: int) -> None:
        """Stop a web process in order, which the supervisor starts again; wait for both."""
        found = self.web(port)
        found[0].terminate()
        _gone, alive = psutil.wait_procs(found, timeout=PATIENCE)
        assert not alive
        wait_until(lambda: self.is_ready(port), f"port {port}: ready", seconds=PATIENCE)

    def kill(self, port: int) -> None:
        """Kill a web process by SIGKILL; return when it has ended."""
        found = self.web(port)
        for each in found:
            each.kill()
        psutil.wait_procs(found, timeout=PATIENCE)

    def memory(self) -> dict[str, tuple[float, float]]:
        """Return the proportional and the resident MiB of each web process and worker."""
        web = {f"web {port}": self.web(port) for port in self.web_ports}
        return {name: _memory(processes) for name, processes in (web | self._workers()).items()}

    def _workers(self) -> dict[str, list[psutil.Process]]:
        """Return the workers of each queue: Celery's main process and what it forked."""
        found: dict[str, list[psutil.Process]] = {}
        for each in self._processes("celery"):
            arguments = _arguments(each)
            if "worker" in arguments:
                queue = arguments[arguments.index("--queues") + 1]
                found.setdefault(f"worker {queue}", []).append(each)
        return found

    def _processes(self, program: str) -> list[psutil.Process]:
        """Return the processes of a module of Python, parents first."""
        children = psutil.Process(self.demo.process.pid).children(recursive=True)
        return [each for each in children if program in _arguments(each)]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        arguments: list[str] = process.cmdline()
    except psutil.Error:
        # It has ended.
        return []
    return arguments


def _binding(process: psutil.Process) -> str | None:
    try:
        environ: dict[str, str] = process.environ()
    except psutil.Error:
        return None
    return environ.get("BIND")


def _memory(processes: list[psutil.Process]) -> tuple[float, float]:
    infos = []
    for each in processes:
        # A worker may replace what it forked.
        with suppress(psutil.NoSuchProcess):
            infos.append(each.memory_full_info())
    return sum(each.pss for each in infos) / 2**20, sum(each.rss for each in infos) / 2**20


@contextmanager
def whole_cluster(ours: Path) -> Iterator[Cluster]:
    """Run `make cluster` within the block, with its data and its log in a directory."""
    require_program("nginx", "nginx")
    with server_directory() as directory, ExitStack() as stack:
        primary = PostgresServer(directory, "primary")
        replica = PostgresServer(directory, "replica")
        for server in (primary, replica):
            stack.callback(server.kill)
        _fill(primary)
        replica.clone(primary)
        replica.set_offline(hot_standby_feedback="on", wal_receiver_status_interval="1")
        replica.start()
        redis = stack.enter_context(RedisServer(ours).running())
        port = free_port()
        environ = LIMITS | {
            "SECRET_KEY": os.environ["SECRET_KEY"],
            "BROKER": os.environ.get("BROKER", "redis"),
            "REDIS_URL": redis.url,
            "DATABASE_URL": primary.url("roster", DATABASE),
            "MIGRATION_DATABASE_URL": primary.url("roster_owner", DATABASE),
            "DATABASE_REPLICA_URLS": replica.url("roster", DATABASE),
            "PROMETHEUS_PORT": str(free_port()),
        }
        running = stack.enter_context(demo(ours / "data", port, "cluster", **environ))
        running.wait_until_ready()
        cluster = Cluster(running, port, primary, replica, redis)
        cluster.wait_until_ready()
        yield cluster


def _fill(primary: PostgresServer) -> None:
    """Create the database with its users, so that no demo data is added."""
    primary.initialize()
    primary.start()
    primary.create_roles(DATABASE)
    primary.copy_test_database(DATABASE)
    owner = primary.url("roster_owner", DATABASE)
    environ = {"DJANGO_SETTINGS_MODULE": "core.settings", "DATABASE_URL": owner}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SET_UP],
        cwd=ROOT,
        env=without_owner() | environ | ARGON2,
        check=True,
    )
