"""Two replicas behind NGINX share answers while their cache server fails in every way."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, Self

import pytest
from django.conf import settings
from django.db import connection

from tests.support.factories import make_organization, make_token, make_user, node_id
from tests.support.redis_servers import RedisServer
from tests.support.waiting import wait_until
from tests.system.cluster import HOST, TIMEOUT, Replica, fetch, nginx_for, upstream
from users.accounts.models import Profile, User

pytestmark = pytest.mark.usefixtures("transactional_db")

logger = logging.getLogger(__name__)
READERS: Final = 4
MEMBERS: Final = 3
# Requests in each state of the cache server.
REQUESTS: Final = 300
ORGANIZATION: Final = """query ($id: ID!) {
  organization(id: $id) { members(first: 50) { nodes { user { profile { bio } } } } }
}"""


@dataclass
class Readers:
    """Clients that read members' numbers, and compare them with what was committed before."""

    port: int
    token: str
    body: bytes
    committed: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._read) for _reader in range(READERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def run_for(self, requests: int) -> None:
        """Wait until so many more requests were answered."""
        aim = self.answered + requests
        wait_until(lambda: self.answered >= aim, f"{requests} requests")

    def _read(self) -> None:
        open_connection = HTTPConnection(HOST, self.port, timeout=TIMEOUT)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        while not self._stopped.is_set():
            oldest = sum(self.committed.values())
            start = time.perf_counter()
            try:
                open_connection.request("POST", "/graphql", self.body, headers)
                response = open_connection.getresponse()
                body = response.read()
            except (OSError, HTTPException) as error:
                self.failures.append(repr(error))
                open_connection.close()
                continue
            seconds = time.perf_counter() - start
            self._check(response.status, body, oldest, seconds)
        open_connection.close()

    def _check(self, status: int, body: bytes, oldest: int, seconds: float) -> None:
        if status != 200 or b"errors" in body:
            self.failures.append(f"{status} {body!r}")
            return
        members = json.loads(body)["data"]["organization"]["members"]["nodes"]
        found = sum(int(each["user"]["profile"]["bio"] or 0) for each in members)
        if found < oldest:
            self.stale.append(f"{found} < {oldest}")
        with self._lock:
            self.answered += 1
            self.slowest = max(self.slowest, seconds)


@contextmanager
def writing(users: list[User], committed: dict[str, int]) -> Iterator[None]:
    """Count up the members' numbers, one after the other, until the block ends."""
    stopped = threading.Event()

    def write() -> None:
        number = 0
        while not stopped.is_set():
            number += 1
            for user in users:
                Profile.objects.filter(user=user).update(bio=str(number))
                committed[user.username] = number
            time.sleep(0.02)
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@contextmanager
def replicas(directory: Path, **environ: str) -> Iterator[tuple[Replica, Replica]]:
    environ |= {"PUBLIC_URL": settings.PUBLIC_URL}
    first, second = directory / "first.log", directory / "second.log"
    pair = (
        Replica.on_test_database(first, **environ),
        Replica.on_test_database(second, **environ),
    )
    try:
        for replica in pair:
            replica.start()
        for replica in pair:
            replica.wait_until_ready()
        yield pair
    finally:
        for replica in pair:
            if replica.is_running:
                replica.kill()


def cached_answers(replica: Replica, result: str) -> float:
    """Return how many look-ups of a replica had the result."""
    text = fetch(replica.port, "GET", "/metrics")[1].decode()
    line = f'graphql_cached_answers_total{{result="{result}"}} '
    return sum(
        float(each.removeprefix(line)) for each in text.splitlines() if each.startswith(line)
    )


def test_failing_cache_server_costs_no_request_and_no_freshness(tmp_path: Path) -> None:
    """`--log-cli-level=INFO` shows the slowest request."""
    users = [make_user(f"member{number}") for number in range(MEMBERS)]
    organization = make_organization("Club", *users)
    request = {"query": ORGANIZATION, "variables": {"id": node_id(organization)}}
    redis_directory = tmp_path / "redis"
    redis_directory.mkdir()
    with (
        RedisServer(redis_directory).running() as server,
        replicas(tmp_path, CACHE_URL=server.url, SHARED_ANSWER_MS="0") as pair,
        nginx_for(tmp_path, upstream(*pair)) as nginx,
        Readers(nginx.port, make_token(users[0]), json.dumps(request).encode()) as readers,
        writing(users, readers.committed),
    ):
        readers.run_for(REQUESTS)
        wait_until(
            lambda: all(cached_answers(replica, "shared") > 0 for replica in pair),
            "both replicas share their answers",
        )
        server.flush()
        readers.run_for(REQUESTS)
        server.stop()
        readers.run_for(REQUESTS)
        server.resume()
        readers.run_for(REQUESTS)
        server.kill()
        readers.run_for(REQUESTS)
        server.start()
        shared = sum(cached_answers(replica, "shared") for replica in pair)
        wait_until(
            lambda: sum(cached_answers(replica, "shared") for replica in pair) > shared,
            "the cache server is used again",
        )
        readers.run_for(REQUESTS)
    logger.info("%d requests, the slowest took %.3f s", readers.answered, readers.slowest)
    assert readers.failures == []
    assert readers.stale == []
    assert readers.answered >= 6 * REQUESTS
