"""Two pods, one behind PgBouncer, with replicas that are late, paused and killed.

`make test-replicas ROUNDS=10000` has that many writes, and prints what the primary saves.
"""

import datetime as dt
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection

from tests.support.client import HTTPClient
from tests.support.factories import (
    make_api_token,
    make_crowd,
    make_organization,
    make_token,
    make_user,
)
from tests.support.service_processes import environ_of_tests
from tests.support.standbys import Standby, standbys
from tests.support.waiting import wait_until
from tests.system.cluster import HOST, Replica, fetch
from tests.system.pgbouncer import pgbouncer
from users.accounts.models import User
from users.scopes import Scope

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS: Final = int(os.environ.get("ROUNDS", "160"))
PAGES: Final = int(os.environ.get("PAGES", "60"))
SEED: Final = int(os.environ.get("SEED", "1"))
WRITERS: Final = 8
# The tests' PostgreSQL flushes commits, and so sends them, five times a second.
MAX_PAUSE: Final = 0.5
CONNECTIONS: Final = 4
DELAY: Final = "200ms"
# Both kinds of reads: what follows an own write, and pages as the load.
NAME: Final = "{ me { name lastSeenAt } }"
PAGE: Final = "{ users(first: 50) { nodes { username name profile { bio } groups { name } } } }"
RENAME: Final = """mutation ($name: String!) {
    updateProfile(input: {name: $name}) { errors { code } }
}"""
FREE: Final = {"GRAPHQL_POINTS_PER_MINUTE": "0", "LOG_FORMAT": "json"}
BEHIND_POOL: Final = {"DATABASE_CONN_MAX_AGE": "0", "DATABASE_PREPARED_STATEMENTS": "0"}


@pytest.fixture(scope="module")
def servers(django_db_setup: None) -> Iterator[list[Standby]]:
    """Replicas of which one is late."""
    with standbys(3) as found:
        late, *others = found
        late.start(recovery_min_apply_delay=DELAY)
        for each in others:
            each.start()
        yield found


@pytest.fixture
def cast(transactional_db: None, settings: Any) -> None:
    # Longer than any number of rounds takes.
    settings.ACCESS_TOKEN_TTL = dt.timedelta(hours=9)
    make_crowd(
        100, organization=make_organization("Club"), group=Group.objects.create(name="Readers")
    )
    User.objects.update(is_public=True)


def pod(log: Path, **environ: str) -> Replica:
    """Return a process of the service on the test database."""
    urls = {
        "DATABASE_URL": environ_of_tests()["DATABASE_URL"],
        "MIGRATION_DATABASE_URL": "",
        "PUBLIC_URL": settings.PUBLIC_URL,
    }
    return Replica(log, **urls | FREE | environ)


@contextmanager
def running(*pods: Replica) -> Iterator[None]:
    """Start pods side by side; kill them at the end."""
    with ExitStack() as stack:
        for each in pods:
            each.start()
            stack.callback(each.kill)
        for each in pods:
            each.wait_until_ready()
        yield


def reads(pod: Replica, outcome: str) -> int:
    """Return how many queries of a pod had this outcome on a replica."""
    lines = fetch(pod.port, "GET", "/metrics")[1].decode().splitlines()
    found = [line for line in lines if line.startswith("database_replica_reads_total{")]
    return sum(int(float(line.split()[-1])) for line in found if f'"{outcome}"' in line)


def report(line: str) -> None:
    """Print a line, which `make test-replicas` shows."""
    print(f"\n{line}")  # noqa: T201 - the command's output


class Reader:
    """A user who writes and reads by any pod with any credential."""

    def __init__(self, number: int, pods: list[Replica]) -> None:
        self.rng = random.Random(SEED + number)  # noqa: S311 - not for secrets
        user = make_user(f"writer{number}")
        scopes = [each.value for each in Scope]
        self.clients = []
        for token in (make_token(user), make_api_token(user, *scopes)):
            for each in pods:
                client = HTTPClient(f"http://{HOST}:{each.port}")
                client.headers = client.headers | {"Authorization": f"Bearer {token}"}
                self.clients.append(client)
        self.results: Counter[str] = Counter()

    def send(self, document: str, **variables: str) -> Any:
        """Return the data; count what fails."""
        answer = self.rng.choice(self.clients)(document, **variables)
        if answer.status != 200 or "errors" in answer.body:
            self.results["failed"] += 1
            report(str(answer))
            return None
        return answer.body["data"]

    def round(self, name: str) -> None:
        """Write, and read at once and again when replicas may have caught up."""
        self.send(RENAME, name=name)
        self.results["rounds"] += 1
        self._read(name)
        time.sleep(self.rng.random() * MAX_PAUSE)
        self._read(name)
        self.send(PAGE)

    def _read(self, name: str) -> None:
        found = self.send(NAME)
        self.results["missed"] += found is not None and found["me"]["name"] != name


def disturb(paused: Standby, killed: Standby, ended: threading.Event) -> int:
    """Pause one replica and kill the other, over and over; return how often."""
    times = 0
    while not ended.is_set():
        times += 1
        paused.pause()
        ended.wait(1.5)
        paused.resume()
        killed.kill()
        ended.wait(0.5)
        killed.start()
        ended.wait(2.5)
    return times


@pytest.mark.usefixtures("cast")
def test_no_request_fails_and_no_own_write_is_missed(
    servers: list[Standby], tmp_path: Path
) -> None:
    late, paused, killed = servers
    with ExitStack() as stack:
        primary = stack.enter_context(pgbouncer(connections=CONNECTIONS))
        pool = stack.enter_context(pgbouncer(connections=CONNECTIONS, host=str(paused.directory)))
        pods = [
            pod(tmp_path / "direct", DATABASE_REPLICA_URLS=",".join(each.url for each in servers)),
            pod(
                tmp_path / "pooled",
                **BEHIND_POOL,
                DATABASE_URL=primary.url,
                DATABASE_REPLICA_URLS=f"{pool.url} {late.url} {killed.url}",
            ),
        ]
        stack.enter_context(running(*pods))
        readers = [Reader(number, pods) for number in range(WRITERS)]
        for each in pods:
            wait_until(partial(_is_read, each, readers[0].clients), "no replica is used")
        ended = threading.Event()
        with ThreadPoolExecutor() as threads:
            disturbing = threads.submit(disturb, paused, killed, ended)
            try:
                list(threads.map(_run, readers))
            finally:
                ended.set()
        counts = {
            name: sum(each.results[name] for each in readers)
            for name in ("rounds", "failed", "missed")
        }
        outcomes = {
            name: sum(reads(each, name) for each in pods)
            for name in ("answered", "behind", "failed")
        }
    report(f"{counts}; on replicas {outcomes}; {disturbing.result()} times disturbed")
    assert counts["rounds"] >= ROUNDS
    assert counts["failed"] == counts["missed"] == 0
    assert all(outcomes.values())


def _is_read(pod: Replica, clients: list[HTTPClient]) -> bool:
    """Return whether a replica answers one of the pod's clients."""
    before = reads(pod, "answered")
    for client in clients:
        client(PAGE)
    return reads(pod, "answered") > before


def _run(reader: Reader) -> None:
    for number in range(-(-ROUNDS // WRITERS)):
        reader.round(f"Name {number}")


@pytest.mark.usefixtures("cast")
def test_the_primary_works_less(servers: list[Standby], tmp_path: Path) -> None:
    token = make_token(make_user("reader"))
    url = servers[1].url
    pods = [pod(tmp_path / "alone"), pod(tmp_path / "with", DATABASE_REPLICA_URLS=url)]
    clients = [HTTPClient(f"http://{HOST}:{each.port}") for each in pods]
    for each in clients:
        each.headers = each.headers | {"Authorization": f"Bearer {token}"}
    with running(*pods):
        wait_until(partial(_is_read, pods[1], clients[1:]), "no replica is used")
        alone, spent = map(_milliseconds_of_a_page, clients)
    report(f"The primary's CPU for a page of 50 users: {alone:.3f} ms, with a replica {spent:.3f}")
    assert spent < alone


def _milliseconds_of_a_page(client: HTTPClient) -> float:
    """Return the primary's processor time."""
    for _number in range(20):
        client(PAGE)
    before = _cpu_of_primary()
    for _number in range(PAGES):
        assert client(PAGE).status == 200
    return (_cpu_of_primary() - before) / PAGES / 1_000_000


def _cpu_of_primary() -> int:
    """Return the nanoseconds of the primary's processes for connections other than this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        pids = [pid for (pid,) in cursor.fetchall()]
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids)
