"""The metrics at /metrics, access to them, and their sum over workers."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.test import Client

from core.dev.ports import free_port
from core.telemetry.prometheus_dir import PREFIX, make_metrics_directory
from tests.support.client import GraphQLClient
from tests.support.factories import make_token, node_id
from tests.support.service_processes import environ_of_tests
from tests.support.waiting import wait_until
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]
Counts = dict[str, float]
ENGINE, GRAPHQL_CORE = (
    f'graphql_operations_total{{executor="{name}"}}' for name in ("engine", "graphql-core")
)
CACHED, COMPILED = (
    f'graphql_engine_statements_total{{sql="{name}"}}' for name in ("cached", "compiled")
)

RECOMPILED = "graphql_engine_recompilations_total"
CACHED_ANSWERS = "graphql_cached_answers"
LOG_IN = """mutation {
    logIn(input: {login: "unknown", password: "a phrase to keep"}) { errors { code } }
}"""


def counts_in(text: str) -> Counts:
    lines = re.findall(r"^(graphql_\w+_total\S*(?: \w+\"})?) (\S+)$", text, re.MULTILINE)
    # Prometheus omits a labelled counter until its first increment.
    others = (RECOMPILED, CACHED_ANSWERS, "graphql_operation_", "graphql_errors_")
    return {name: float(value) for name, value in lines if not name.startswith(others)}


@pytest.fixture
def counted(client: Client) -> Callable[[Callable[[], object]], Counts]:
    """Return a function that reports the counters' increments by a call."""

    def read() -> Counts:
        return counts_in(client.get("/metrics").content.decode())

    def added(call: Callable[[], object]) -> Counts:
        before = read()
        call()
        return {name: value - before.get(name, 0) for name, value in read().items()}

    return added


def test_operations_are_counted_by_their_executor(
    counted: Callable[[Callable[[], object]], Counts], client_of: ClientOf, alice: User
) -> None:
    client = client_of(alice)

    assert counted(lambda: client("{ me { groups { name } } }")) == {
        ENGINE: 1,
        GRAPHQL_CORE: 0,
        CACHED: 2,
        COMPILED: 0,
    }
    assert counted(lambda: client("{ __schema { queryType { name } } }")) == {
        ENGINE: 0,
        GRAPHQL_CORE: 1,
        CACHED: 0,
        COMPILED: 0,
    }
    query = "query ($id: ID!) { node(id: $id) { id } }"
    assert counted(lambda: client(query, id=node_id(alice)))[COMPILED] == 1


def test_recompilations_are_counted_by_their_reason(
    client: Client, client_of: ClientOf, alice: User
) -> None:
    def read() -> float:
        text = client.get("/metrics").content.decode()
        lines = re.findall(rf'^{RECOMPILED}{{reason="arguments"}} (\S+)$', text, re.MULTILINE)
        return float(lines[0]) if lines else 0

    query = "query ($id: ID!) { node(id: $id) { id } }"
    before = read()
    assert client_of(alice)(query, id=node_id(alice)).data["node"] is not None
    assert read() == before + 1


def test_engine_can_be_disabled(
    counted: Callable[[Callable[[], object]], Counts],
    client_of: ClientOf,
    alice: User,
    settings: Any,
) -> None:
    client = client_of(alice)
    asked = "{ me { username email groups { name } memberships(first: 1) { nodes { role } } } }"
    answer = client(asked)
    assert answer.data["me"]["email"] == "alice@example.org"

    settings.GRAPHQL_ENGINE = False

    nothing = {ENGINE: 0, CACHED: 0, COMPILED: 0}
    assert counted(lambda: client(asked)) == {GRAPHQL_CORE: 1} | nothing
    assert client(asked).body == answer.body


@pytest.mark.parametrize("query", ["{", "{ you }", "query ($id: ID!) { user(id: $id) { id } }"])
def test_unexecuted_operations_are_not_counted(
    counted: Callable[[Callable[[], object]], Counts], anonymous: GraphQLClient, query: str
) -> None:
    assert set(counted(lambda: anonymous(query)).values()) == {0}


@pytest.mark.django_db
def test_metrics_accept_any_host_but_no_proxy(client: Client) -> None:
    response = client.get("/metrics", headers={"Host": "10.1.2.3:8000"})
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")

    response = client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert response.status_code == 404


def get(url: str | urllib.request.Request) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as response:
        body: bytes = response.read()
        return body


def workers_of(server: subprocess.Popen[bytes], port: int) -> list[psutil.Process]:
    """Wait until both workers run and one of them responds."""
    deadline = time.monotonic() + 30
    while True:
        workers: list[psutil.Process] = psutil.Process(server.pid).children()
        try:
            get(f"http://localhost:{port}/livez")
        except OSError:
            workers = []
        if len(workers) == 2:
            return workers
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def only(worker: psutil.Process, workers: Sequence[psutil.Process]) -> Iterator[None]:
    """Suspend the other workers, so that one handles all requests."""
    others = [each for each in workers if each != worker]
    for other in others:
        other.suspend()
    yield
    for other in others:
        other.resume()


@pytest.mark.django_db(transaction=True)
def test_metrics_are_summed_over_workers(alice: User) -> None:
    port = free_port()
    environ = environ_of_tests(BIND=f"127.0.0.1:{port}", WEB_CONCURRENCY="2", ANSWER_CACHE_MB="0")
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn"]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {make_token(alice)}"}
    body = json.dumps({"query": "{ me { username } }"}).encode()
    expected = {ENGINE: 5, GRAPHQL_CORE: 0, CACHED: 5, COMPILED: 0}
    responses = []
    with subprocess.Popen(command, env=environ) as server:
        try:
            workers = workers_of(server, port)
            for worker, count in zip(workers, (2, 3), strict=True):
                with only(worker, workers):
                    for _number in range(count):
                        url = f"http://localhost:{port}/graphql"
                        answer = json.loads(get(urllib.request.Request(url, body, headers)))
                        assert answer == {"data": {"me": {"username": "alice"}}}
            url = f"http://localhost:{port}/metrics"
            # Each process writes its counts once a second.
            wait_until(lambda: counts_in(get(url).decode()) == expected)
            for worker in workers:
                with only(worker, workers):
                    responses.append(counts_in(get(url).decode()))
            files = [file.path for each in workers for file in each.open_files()]
            (directory,) = {Path(path).parent for path in files if path.endswith(".db")}
        finally:
            server.terminate()
    assert responses == [expected] * 2
    assert not directory.exists()


@pytest.mark.django_db(transaction=True)
def test_gauges_of_ended_workers_are_removed() -> None:
    port = free_port()
    environ = environ_of_tests(BIND=f"127.0.0.1:{port}", WEB_CONCURRENCY="2")
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn"]
    with subprocess.Popen(command, env=environ) as server:
        try:
            ended, _other = workers = workers_of(server, port)
            with only(ended, workers):
                # Counts an attempt in Redis, by a circuit.
                body = json.dumps({"query": LOG_IN}).encode()
                headers = {"Content-Type": "application/json"}
                get(urllib.request.Request(f"http://localhost:{port}/graphql", body, headers))
            (directory,) = {
                Path(each.path).parent for each in ended.open_files() if ".db" in each.path
            }
            gauges = directory / f"gauge_livesum_{ended.pid}.db"
            assert gauges.exists()
            ended.kill()
            wait_until(lambda: not gauges.exists())
            assert (directory / f"counter_{ended.pid}.db").exists()
        finally:
            server.terminate()


def test_stale_metrics_files_are_removed(tmp_path: Path) -> None:
    left, new = tmp_path / f"{PREFIX}left", tmp_path / f"{PREFIX}new"
    for directory in (left, new):
        directory.mkdir()
        (directory / "counter_1.db").touch()
    used = Path(make_metrics_directory(str(tmp_path)))
    for directory in (left, used):
        os.utime(directory, (0, 0))

    mine = Path(make_metrics_directory(str(tmp_path)))

    assert set(tmp_path.iterdir()) == {new, used, mine}
