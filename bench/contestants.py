"""Contestants: how to start each server, query it and normalise its answers."""

import secrets
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import UUID

import orjson

from bench.dataset import ROOT, Dataset, environment
from bench.load import fetch, http_request
from bench.machine import pin_to_core
from bench.signed_in import NEW_USERNAME, PASSWORD, credentials_environment
from core.dev.ports import free_port

START_SECONDS: Final = 60


class ContestantError(RuntimeError):
    """A contestant did not start; the message names its log."""


@dataclass(frozen=True, slots=True)
class PageKey:
    """A page of the directory.

    ``place`` is the position of the last user before it, from 1; 0 for the first page.
    """

    place: int
    after: UUID | None


@dataclass(frozen=True, slots=True)
class WriteKey:
    """A change of a user's profile."""

    user_id: UUID
    bio: str


@dataclass(frozen=True, slots=True)
class SessionKey:
    """A signed-in user, and Roster's access token of the session."""

    user_id: UUID
    access_token: str

    @property
    def headers(self) -> dict[str, str]:
        """The header that presents the token (RFC 6750)."""
        return {"Authorization": f"Bearer {self.access_token}"}


@dataclass(frozen=True, slots=True)
class NewUserKey:
    """A user to create; the identifiers differ in each request."""

    name: str


@dataclass(frozen=True, slots=True)
class Question:
    """Conversion of a scenario's key to a request, and of the answer to plain data.

    ``mark`` is what a correct answer contains, for answers that differ each time. The requests of a
    ``single_use`` question succeed once, so ``ask`` is called for each sending; ``learn`` takes the
    key and the body of each answer.
    """

    ask: Callable[[Any], bytes]
    plain: Callable[[Any], Any]
    mark: Callable[[Any], bytes] | None = None
    single_use: bool = False
    learn: Callable[[Any, bytes], None] | None = None


class Contestant(ABC):
    """A server under test: one worker process on one core."""

    name: ClassVar[str]
    title: ClassVar[str]
    # Unsupported scenarios, with the reason.
    absent: ClassVar[Mapping[str, str]] = {}

    def __init__(self, dataset: Dataset) -> None:
        """Reserve a port."""
        self.dataset = dataset
        self.port = free_port()
        self.pid = 0

    @classmethod
    @abstractmethod
    def versions(cls) -> dict[str, str]:
        """Return the versions of its software."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that starts the server in the project's root directory."""

    @abstractmethod
    def questions(self) -> dict[str, Question]:
        """Return its questions by scenario; called while the server runs."""

    def environment(self) -> dict[str, str]:
        """Return the server's environment."""
        return environment(self.dataset) | {"BIND": f"127.0.0.1:{self.port}"}

    @contextmanager
    def run_server(self, core: int, logs: Path) -> Iterator[None]:
        """Run the server on the core. Raises `ContestantError`."""
        log = logs / f"{self.name}.log"
        with log.open("wb") as output, pin_to_core(core):
            process = subprocess.Popen(
                self.command(), cwd=ROOT, env=self.environment(), stdout=output, stderr=output
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _listens(self.port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ContestantError(f"{self.title} did not start; see {log}")
                time.sleep(0.1)
            self.pid = process.pid
            yield
        finally:
            process.terminate()
            process.wait()

    def answer(self, payload: bytes) -> Any:
        """Send one request; return the decoded JSON."""
        return orjson.loads(fetch(self.port, payload))


class OnGunicorn(Contestant):
    """A contestant on Django, served by one worker with Roster's gunicorn.conf.py."""

    packages: ClassVar[tuple[str, ...]]

    @classmethod
    def versions(cls) -> dict[str, str]:
        """Return the versions of Python and the relevant packages."""
        return {name: version(name) for name in ("gunicorn", "Django", "psycopg", *cls.packages)}

    def command(self) -> list[str]:
        """Return gunicorn's command; its configuration is in the root directory."""
        return [sys.executable, "-m", "gunicorn", "core.wsgi:application"]


class OnDjango(OnGunicorn):
    """A peer on Django, with minimal settings and with URLs of its own."""

    urls: ClassVar[str]

    def environment(self) -> dict[str, str]:
        """Return the environment with the peer's URLs."""
        return (
            super().environment()
            | credentials_environment()
            | {"DJANGO_SETTINGS_MODULE": "bench.peers.settings", "BENCH_URLS": self.urls}
        )


def graphql(
    document: str, variables: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> bytes:
    """Return the request of a GraphQL operation, with a minified document."""
    body = {"query": " ".join(document.split()), "variables": variables or {}}
    return http_request("POST", "/graphql", orjson.dumps(body), headers)


# The smallest GraphQL operation, which measures HTTP and authentication.
TYPENAME: Final = "{ __typename }"


def account() -> dict[str, str]:
    """Return the username, address and password of a new user, different in each call."""
    username = f"{NEW_USERNAME}{secrets.token_hex(8)}"
    return {
        "username": username,
        "email": f"{username}@example.org",
        "password": PASSWORD,
    }


def typename(answer: Any) -> str:
    """Return the name of the root type."""
    return str(answer["data"]["__typename"])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
