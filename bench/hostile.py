"""`make bench-hostile`: measures the cost of hostile requests, also for other clients.

Sends several hundred distinct documents of 4 kB, then thousands of expensive or malformed
documents, values and byte streams, from anonymous and signed-in clients. Environment variables:
USERS, REQUESTS and DATA_DIR. The exit status is 1 if a response had a 5xx status or took longer
than a second, or if a concurrent `me` did.
"""

import json
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import django
import psutil

from bench.contestants import ContestantError
from bench.dataset import ROOT, Dataset, DatasetError, environment, open_dataset
from bench.hostile_requests import STREAMS, distinct_documents, hostile_bodies
from bench.machine import cores, pin_to_core
from bench.peers.roster import STAFF, Roster
from bench.report import OUTPUT
from bench.signed_in import delete_earlier_runs
from core.configuration.env import Environment

ATTACKERS: Final = 4
LIMIT_SECONDS: Final = 1.0
SERVER_ERRORS: Final = 500
ME: Final = json.dumps({"query": "{ me { id username } }"}).encode()


@dataclass(slots=True)
class Outcome:
    """Counts of statuses, and the slowest response with its request."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    example: str = ""

    def note(self, status: int, seconds: float, example: str) -> None:
        """Count a response."""
        self.statuses[status] += 1
        if seconds > self.slowest:
            self.slowest, self.example = seconds, example

    def merge(self, other: "Outcome") -> None:
        """Add another client's outcome."""
        self.statuses += other.statuses
        if other.slowest > self.slowest:
            self.slowest, self.example = other.slowest, other.example

    @property
    def is_bad(self) -> bool:
        """Whether it includes a server error or a slow response."""
        errors = any(status >= SERVER_ERRORS for status in self.statuses)
        return errors or self.slowest > LIMIT_SECONDS

    def line(self) -> str:
        """Return a one-line summary."""
        statuses = ", ".join(
            f"{count:,} x {status}" for status, count in sorted(self.statuses.items())
        )
        return f"{statuses}; slowest {1_000 * self.slowest:.0f} ms: {self.example[:90]!r}"


class Client:
    """A client with a persistent connection."""

    def __init__(self, port: int, token: str | None) -> None:
        """Authenticate with the token, if any."""
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Content-Type": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def post(self, body: bytes) -> tuple[int, float]:
        """Send a request; return the status and the seconds until the response."""
        started = time.perf_counter()
        self.connection.request("POST", "/graphql", body, self.headers)
        response = self.connection.getresponse()
        response.read()
        return response.status, time.perf_counter() - started


def main() -> int:
    """Run the attack; return the exit status."""
    env = Environment(os.environ)
    size = env.number("USERS", 1_000_000, minimum=1_000, maximum=100_000_000)
    requests = env.number("REQUESTS", 10_000, minimum=100, maximum=1_000_000)
    directory = Path(env.text("DATA_DIR", str(ROOT / ".data"))).resolve() / "bench" / str(size)
    server_core, other_core = cores()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        with pin_to_core(other_core), open_dataset(size, directory) as dataset:
            return _attack_server(dataset, server_core, requests)
    except (ContestantError, DatasetError) as error:
        raise SystemExit(f"make bench-hostile: {error}") from None


def _attack_server(dataset: Dataset, core: int, requests: int) -> int:
    # The service's own code, used below, must have the settings of the measured server.
    os.environ.clear()
    os.environ.update(environment(dataset) | {"DJANGO_SETTINGS_MODULE": "core.settings"})
    django.setup()
    delete_earlier_runs()
    server = Roster(dataset, furthest=0, writers=[])
    with server.run_server(core, OUTPUT):
        server.answer(server._ask("{ me { id } }"))  # noqa: SLF001 - warm-up
        process = psutil.Process(server.pid).children()[0]
        before = process.memory_info().rss
        rng = random.Random(2026)  # noqa: S311 - the same requests every time
        stages: list[tuple[str, list[bytes]]] = [
            ("500 distinct documents", list(distinct_documents(500))),
            (f"{requests:,} hostile requests", list(hostile_bodies(requests, rng))),
        ]
        is_bad = False
        for title, bodies in stages:
            attack, beside = _run(server.port, server.staff, bodies)
            after = process.memory_info().rss
            is_bad |= attack.is_bad or beside.is_bad
            print(f"{title}: {attack.line()}")  # noqa: T201 - the result
            print(f"  {STAFF}'s concurrent `me`: {beside.line()}")  # noqa: T201
            print(f"  memory: {before / 2**20:.0f} -> {after / 2**20:.0f} MiB")  # noqa: T201
        print(f"byte streams: {_send_streams(server.port):,} sent")  # noqa: T201
        status, seconds = Client(server.port, server.staff).post(ME)
        print(f"afterwards: {status} in {1_000 * seconds:.0f} ms")  # noqa: T201
        return int(is_bad or status != 200)  # noqa: PLR2004


def _run(port: int, token: str, bodies: list[bytes]) -> tuple[Outcome, Outcome]:
    over = threading.Event()
    with ThreadPoolExecutor(ATTACKERS + 1) as pool:
        beside = pool.submit(_ask_me, port, token, over)
        shares = [bodies[number::ATTACKERS] for number in range(ATTACKERS)]
        attacks = [
            # Half of the clients are signed in, and reach more code.
            pool.submit(_attack, port, token if number % 2 else None, share)
            for number, share in enumerate(shares)
        ]
        attack = Outcome()
        try:
            for each in attacks:
                attack.merge(each.result())
        finally:
            over.set()
        return attack, beside.result()


def _attack(port: int, token: str | None, bodies: list[bytes]) -> Outcome:
    client, outcome = Client(port, token), Outcome()
    for body in bodies:
        status, seconds = client.post(body)
        outcome.note(status, seconds, body.decode("utf-8", "replace"))
    return outcome


def _ask_me(port: int, token: str, over: threading.Event) -> Outcome:
    client, outcome = Client(port, token), Outcome()
    while not over.is_set():
        outcome.note(*client.post(ME), "me")
        time.sleep(0.02)
    return outcome


def _send_streams(port: int) -> int:
    """Send invalid, truncated or oversized HTTP without waiting for a response."""
    for stream in STREAMS:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(stream)
    return len(STREAMS)


if __name__ == "__main__":
    sys.exit(main())
