"""`make cluster`: a sign-in through NGINX, a replica that answers, and metrics of everything."""

import json
import os
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import psutil
import pytest
from django.conf import settings

from core.dev.cluster import NGINX_LIMITS, WEB_PROCESSES
from core.dev.ports import free_port
from core.dev.supervisor import is_supervised
from core.outbox.queues import Queue
from tests.support.client import HTTPClient
from tests.support.demo import TIMEOUT, demo, processes_of
from tests.support.factories import PASSWORD, make_user
from tests.support.postgres_servers import server_directory
from tests.support.service_processes import environ_of_tests
from tests.support.waiting import wait_until
from tests.system.cluster import compose_variables, nginx_for
from tests.system.programs import require_program
from tests.system.services import LOG_IN

COPIED: Final = ("SECRET_KEY", "ARGON2_MEMORY_KIB", "ARGON2_PASSES")


def urls() -> dict[str, str]:
    """Return the variables of the tests' database, so that none is created and migrated."""
    database = settings.DATABASES["default"]
    owner = f"postgresql://postgres@/{database['NAME']}?host={database['HOST']}"
    return {
        "DATABASE_URL": environ_of_tests()["DATABASE_URL"],
        "MIGRATION_DATABASE_URL": owner,
        **{name: os.environ[name] for name in COPIED},
    }


def is_true(port: int, expression: str) -> Callable[[], bool]:
    """Return whether Prometheus has a result."""

    def condition() -> bool:
        url = f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            return bool(json.load(response)["data"]["result"])

    return condition


@pytest.mark.django_db(transaction=True)
def test_signs_in_through_nginx_and_leaves_nothing() -> None:
    require_program("nginx", "nginx")
    require_program("prometheus", "prometheus")
    make_user("alice")
    port, prometheus = free_port(), free_port()
    client = HTTPClient(f"http://localhost:{port}")
    with server_directory() as directory:
        data_dir = Path(directory) / "cluster"
        at = {"PROMETHEUS_PORT": str(prometheus)}
        with demo(data_dir, port, "cluster", **urls(), **at) as running:
            assert f"http://127.0.0.1:{prometheus}" in running.wait_until_ready()
            log_in = client(LOG_IN, login="alice", password=PASSWORD).data["logIn"]
            client.headers["Authorization"] = f"Bearer {log_in['accessToken']}"

            found = is_true(prometheus, 'database_replica_reads_total{result="answered"} > 0')
            me = {"me": {"username": "alice"}}
            wait_until(
                lambda: client("{ me { username } }").data == me and found(),
                "answered",
                seconds=TIMEOUT,
            )
            for job, count in (("web", WEB_PROCESSES), ("workers", len(Queue))):
                scraped = is_true(prometheus, f'sum(up{{job="{job}"}}) == {count}')
                wait_until(scraped, job, seconds=TIMEOUT)

            running.process.send_signal(signal.SIGINT)
            assert running.process.wait(timeout=TIMEOUT) == 0
        assert processes_of(data_dir) == []


def test_limits_are_those_of_compose() -> None:
    assert NGINX_LIMITS.items() <= compose_variables().items()


def test_the_nginx_of_a_killed_cluster_is_found(tmp_path: Path) -> None:
    directory = tmp_path / "nginx"
    directory.mkdir()
    with nginx_for(directory, f"server 127.0.0.1:{free_port()};") as nginx:
        assert nginx.process is not None
        master = psutil.Process(nginx.process.pid)
        assert is_supervised(master, tmp_path)
        assert not is_supervised(master, tmp_path / "other")
