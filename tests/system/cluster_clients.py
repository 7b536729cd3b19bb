"""The clients of a cluster: steady reads and writes, probes, and a storm of log-ins."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from statistics import quantiles
from typing import Any, Final, Self
from urllib.parse import urlencode

from tests.support.background import Background
from tests.support.factories import PASSWORD
from tests.support.waiting import wait_until
from tests.system import failover
from tests.system.cluster import HOST, fetch
from tests.system.services import LOG_IN
from tests.system.whole_cluster import ADMINISTRATOR, MEMBERS, PATIENCE, READERS, WRITERS, Cluster

# Between a client's requests, so that the servers get processor time.
PAUSE: Final = 0.03
JSON: Final = {"Content_Type": "application/json"}
ME: Final = "{ me { username } }"
PAGE: Final = "{ users(first: 50) { nodes { username name profile { bio } } } }"
CREATE: Final = """mutation ($name: String!) {
  createGroup(input: {name: $name}) { group { name } errors { code } }
}"""
CREATED: Final = """query ($search: String!, $after: String) {
  groups(first: 100, search: $search, after: $after) {
    nodes { name } pageInfo { hasNextPage endCursor }
  }
}"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what became of it."""

    kind: str
    began: float
    ended: float
    # 0 without a complete answer.
    status: int
    # The code of the error, or what the client noticed; empty if the request succeeded.
    problem: str
    # Whether it is JSON that says when to try again.
    is_polite: bool

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def is_refused(self) -> bool:
        """Return whether the service had no database or no capacity.

        A mutation that was executed and could not be read has the status 200.
        """
        is_unavailable = self.problem in {"UNAVAILABLE", "SERVICE_BUSY"} and self.is_polite
        return is_unavailable and (self.status == 503 or (self.status, self.kind) == (200, "write"))

    def was_in_flight(self, since: float, until: float) -> bool:
        """Return whether it was in flight at any moment of a period."""
        return self.began <= until and self.ended >= since


class Journal:
    """All exchanges of a load."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def ask(
        self,
        kind: str,
        port: int,
        method: str,
        path: str,
        body: bytes | None = None,
        **headers: str,
    ) -> bytes:
        """Return the content of an answer; raises `OSError` or `HTTPException` without one."""
        began = time.monotonic()
        status, problem, is_polite, content = 0, "", False, b""
        try:
            response, content = fetch(port, method, path, body, **headers)
            status, problem = response.status, _problem(response.status, content)
            is_json = "json" in response.headers.get("Content-Type", "")
            is_polite = is_json and int(response.headers.get("Retry-After", 0)) > 0
        except (OSError, HTTPException) as error:
            problem = repr(error)
            raise
        finally:
            ended = time.monotonic()
            self.exchanges.append(Exchange(kind, began, ended, status, problem, is_polite))
        return content

    def of(self, *kinds: str) -> list[Exchange]:
        return [each for each in self.exchanges if each.kind in kinds]

    def failed(self, *kinds: str) -> list[Exchange]:
        """Return what failed, of some kinds or of all."""
        return [
            each for each in self.exchanges if each.problem and (not kinds or each.kind in kinds)
        ]

    def lines(self) -> Iterator[str]:
        """Return counts by kind."""
        for kind in sorted({each.kind for each in self.exchanges}):
            found = self.of(kind)
            failed = sum(bool(each.problem) for each in found)
            yield f"{kind:6} {len(found):6}, failed {failed:4}, {percentiles(found)}"


def _problem(status: int, content: bytes) -> str:
    """Return the code of an answer's error; the answer itself if it has none."""
    try:
        answer = json.loads(content)
    except ValueError:
        return "" if status == 200 else repr(content)
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    return "" if status == 200 else repr(content)


def percentiles(found: list[Exchange]) -> str:
    """Return the median, the 99th percentile and the maximum."""
    p50, p99, most = (round(1_000 * each) for each in seconds(found))
    return f"p50 {p50:4} ms, p99 {p99:5} ms, max {most:5} ms"


def seconds(found: list[Exchange]) -> tuple[float, float, float]:
    """Return the median, the 99th percentile and the maximum of at least two."""
    taken = [each.seconds for each in found]
    cuts = quantiles(taken, n=100, method="inclusive")
    return cuts[49], cuts[98], max(taken)


class Repeated(Background):
    """Calls a function in a thread, again and again, until the block ends."""

    def __init__(self, function: Callable[[int], object], pause: float = PAUSE) -> None:
        self._function = function
        self._pause = pause

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(self._pause):
            try:
                self._function(number)
            except (OSError, HTTPException):
                # The journal has it.
                continue
            finally:
                number += 1


@dataclass
class Writer(failover.Client):
    """A user who writes, and reads what was written."""

    journal: Journal = field(kw_only=True)

    def _ask(self, body: bytes) -> bytes:
        kind = "write" if b"mutation" in body else "POST"
        return self.journal.ask(
            kind, self.port, "POST", "/graphql", body, **JSON, **bearer(self.token)
        )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class ClusterLoad:
    """Users who read and write through NGINX within the block.

    Reads are GET, which NGINX may repeat, and POST, which it must not. Groups are created one by
    one, so that each acknowledged write can be read after the block.
    """

    def __init__(self, cluster: Cluster, title: str, readers: int = READERS) -> None:
        self.cluster = cluster
        self.journal = Journal()
        self._title = title
        self._readers = readers
        self._acknowledged: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        administrator = self._token(ADMINISTRATOR)
        self._administrator = bearer(administrator)
        port = self.cluster.port
        self.writers = [
            Writer(port, self._token(f"writer{number}"), journal=self.journal)
            for number in range(WRITERS)
        ]
        tokens = [self._token(f"reader{number}") for number in range(READERS)]
        readers = [self._reader(tokens[number % READERS]) for number in range(self._readers)]
        with ExitStack() as stack:
            for each in self.writers:
                stack.enter_context(each)
            for function in (*readers, self._create):
                stack.enter_context(Repeated(function))
            self.wait_for_writes()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def wait_for_writes(self) -> None:
        """Wait until every writer has an acknowledgement of a later write."""
        now, groups = time.monotonic(), len(self._acknowledged)
        wait_until(
            lambda: (
                all(each.last_write > now for each in self.writers)
                and len(self._acknowledged) > groups
            ),
            "acknowledged writes",
            seconds=PATIENCE,
        )

    @property
    def clients(self) -> int:
        """How many requests are in flight at most."""
        return self._readers + WRITERS + 1

    @property
    def acknowledged(self) -> int:
        counted = sum(each.attempted - each.unknown for each in self.writers)
        return counted + len(self._acknowledged)

    @property
    def stale(self) -> list[str]:
        """Own writes that a read did not show."""
        return [wrong for each in self.writers for wrong in each.wrong]

    def lost(self) -> set[str]:
        """Return acknowledged writes that cannot be read after the block."""
        found: set[str] = set()
        after: str | None = None
        while True:
            variables = {"search": self._title, "after": after}
            page = self._post(CREATED, self._administrator, **variables)["data"]["groups"]
            found |= {each["name"] for each in page["nodes"]}
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        lost = self._acknowledged - found
        for writer in self.writers:
            answer = self._post(failover.READ, bearer(writer.token))
            if int(answer["data"]["me"]["profile"]["bio"]) < writer.acknowledged:
                lost.add(f"{writer.acknowledged} of {writer.token[-6:]}")
        return lost

    def counts(self) -> list[str]:
        """Return lines for a report."""
        lost = f"acknowledged writes {self.acknowledged}, lost {len(self.lost())}"
        return [*self.journal.lines(), f"{lost}, stale reads {len(self.stale)}"]

    def _post(self, query: str, headers: dict[str, str], **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        return json.loads(fetch(self.cluster.port, "POST", "/graphql", body, **JSON, **headers)[1])

    def _token(self, login: str) -> str:
        answer = self._post(LOG_IN, {}, login=login, password=PASSWORD)
        return str(answer["data"]["logIn"]["accessToken"])

    def _reader(self, token: str) -> Callable[[int], object]:
        port, headers = self.cluster.port, bearer(token)

        def read(number: int) -> None:
            document = PAGE if number % 2 else ME
            if number % 4 < 2:
                path = f"/graphql?{urlencode({'query': document})}"
                self.journal.ask("GET", port, "GET", path, None, **headers)
            else:
                body = json.dumps({"query": document}).encode()
                self.journal.ask("POST", port, "POST", "/graphql", body, **JSON, **headers)

        return read

    def _create(self, number: int) -> None:
        name = f"{self._title} {number}"
        body = json.dumps({"query": CREATE, "variables": {"name": name}}).encode()
        headers = JSON | self._administrator
        content = self.journal.ask("write", self.cluster.port, "POST", "/graphql", body, **headers)
        payload = (json.loads(content).get("data") or {}).get("createGroup")
        if payload and not payload["errors"]:
            self._acknowledged.add(name)


def probing(cluster: Cluster, journal: Journal, *paths: str) -> ExitStack:
    """Probe each web process within the block, as a kubelet does, but more often."""

    def probe(path: str, port: int) -> Repeated:
        return Repeated(lambda _number: journal.ask(path[1:], port, "GET", path))

    with ExitStack() as stack:
        for path in paths:
            for port in cluster.web_ports:
                stack.enter_context(probe(path, port))
        return stack.pop_all()


def storm(cluster: Cluster, journal: Journal, count: int) -> None:
    """Log in so many times at once, from as many addresses, which NGINX limits each."""
    barrier = threading.Barrier(count)

    def log_in(number: int) -> None:
        variables = {"login": f"member{number % MEMBERS}", "password": PASSWORD}
        body = json.dumps({"query": LOG_IN, "variables": variables}).encode()
        source = f"{HOST.rpartition('.')[0]}.{2 + number}"
        barrier.wait(PATIENCE)
        journal.ask("log-in", cluster.port, "POST", "/graphql", body, source=source, **JSON)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(log_in, range(count)))
