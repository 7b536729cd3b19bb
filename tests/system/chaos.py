"""Brokers that fail, workers that are killed, and how long what remains takes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from queue import Empty
from random import Random
from statistics import quantiles
from typing import Any, Final, Protocol, Self

import orjson
import psutil
from django.db import connection
from kombu import Connection

from core.dev.rabbitmq import RabbitMQ
from core.outbox.queues import declare_queues
from tests.server.servers import Server
from tests.support.background import Background
from tests.support.celery_workers import NAME, Workers
from tests.support.sink import Sink

# Seconds until a worker is killed.
MEAN_LIFE: Final = 3
RESET: Final = """
    mutation ($email: String!) { requestPasswordReset(input: {email: $email}) { errors { code } } }
"""
RANDOM: Final = Random()  # noqa: S311 - no secrets
ME: Final = orjson.dumps({"query": "{ me { username } }"})


class Broker(Protocol):
    """A broker, and what may happen to it."""

    url: str

    @property
    def has_ended(self) -> bool: ...
    def running(self) -> AbstractContextManager[object]: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...
    def resume(self) -> None: ...
    def flush(self) -> None: ...


class RabbitBroker(RabbitMQ):
    """RabbitMQ with the service's queues."""

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def flush(self) -> None:
        with Connection(self.url) as connection:
            for queue in declare_queues(is_amqp=True):
                declared: Any = queue.bind(connection.default_channel)
                # Only workers declare all queues.
                declared.queue_declare()
                declared.purge()


@contextmanager
def beat(
    environ: Mapping[str, str], schedule: Path, *options: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Celery Beat within the block, which may kill it."""
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "core", "--quiet", "beat"]
    command += ["--schedule", str(schedule), "--loglevel", "ERROR", "--pidfile=", *options]
    process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Fleet:
    """Workers that are killed at random moments, and replaced, for as long as asked."""

    def __init__(self, environ: Mapping[str, str], count: int, *, kills: int) -> None:
        self.kills: list[float] = []
        self._left = kills
        self._ready = threading.Barrier(count + 1)
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(environ, f"{NAME}.{number}"))
            for number in range(count)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    @property
    def is_at_peace(self) -> bool:
        return self._left <= 0

    def _run(self, environ: Mapping[str, str], name: str) -> None:
        with closing(connection), Workers(environ, name=name) as workers:
            with workers.running():
                self._ready.wait()
            while not self._is_over.is_set():
                with workers.running() as pid:
                    while not self._is_over.wait(RANDOM.uniform(0, 2 * MEAN_LIFE)):
                        if self._kill(pid):
                            break

    def _kill(self, pid: int) -> bool:
        """Kill the worker or one of its processes; return whether it is to be replaced."""
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
        children: list[psutil.Process] = []
        # A worker ends by itself if its processes are killed while it starts them.
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(pid).children()
        is_whole = not children or RANDOM.random() < 0.5
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            if is_whole:
                os.killpg(pid, signal.SIGKILL)
            else:
                RANDOM.choice(children).kill()
        self.kills.append(time.monotonic())
        return is_whole


@dataclass
class Arrivals(Background):
    """The times at which mails arrived, and their Message-IDs, by recipient."""

    sink: Sink
    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ids: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def _run(self) -> None:
        while not self._ended.is_set():
            with suppress(Empty):
                mail = self.sink.mails.get(timeout=0.2)
                self.times[mail["To"]].append(time.monotonic())
                self.ids[mail["To"]].add(mail["Message-ID"])


class Load(Background):
    """Requests at a rate from a thread, and how long each took, by phase."""

    def __init__(
        self,
        server: Server,
        body: Callable[[int], bytes],
        *,
        per_second: float,
        limit: int = sys.maxsize,
        token: str = "",
    ) -> None:
        self.phase = "start"
        self.taken: defaultdict[str, list[float]] = defaultdict(list)
        self.sent: list[float] = []
        self._pause = 1 / per_second
        self._limit = limit
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._body = body
        self._http: HTTPConnection = server.connect()

    @property
    def is_over(self) -> bool:
        return len(self.sent) >= self._limit

    def _run(self) -> None:
        number = 0
        while number < self._limit and not self._ended.wait(self._pause):
            phase, begun = self.phase, time.monotonic()
            # Each from another address, because attempts are limited by address.
            address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            headers = self._headers | {"X-Forwarded-For": address}
            self._http.request("POST", "/graphql", self._body(number), headers)
            answer = orjson.loads(self._http.getresponse().read())
            assert "errors" not in answer, answer
            self.taken[phase].append(time.monotonic() - begun)
            self.sent.append(begun)
            number += 1


def reset_of(usernames: list[str]) -> Callable[[int], bytes]:
    """Return the bodies of password resets of the users, one after the other."""
    return lambda number: orjson.dumps(
        {"query": RESET, "variables": {"email": f"{usernames[number]}@example.org"}}
    )


def report(title: str, *lines: str) -> None:
    """Print counts."""
    print(f"\n{title}", *lines, sep="\n  ")  # noqa: T201 - what `make chaos` is for


def milliseconds(taken: list[float]) -> str:
    """Return the median, the 95th percentile and the maximum."""
    if len(taken) < 2:
        return "-"
    cuts = quantiles(taken, n=20, method="inclusive")
    p50, p95, most = (round(1_000 * each) for each in (cuts[9], cuts[18], max(taken)))
    return f"{len(taken):5} requests, p50 {p50:5} ms, p95 {p95:5} ms, max {most:5} ms"
