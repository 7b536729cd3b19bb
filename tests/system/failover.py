"""Two PostgreSQL servers in synchronous replication, and clients that check each answer."""

import json
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from tests.support.background import Background
from tests.support.postgres_servers import HOST, PASSWORD, PostgresServer
from tests.system.cluster import fetch

DATABASE: Final = "roster"
WRITE: Final = """mutation ($bio: String!) {
  updateProfile(input: {bio: $bio}) { user { profile { bio } } errors { code } }
}"""
READ: Final = "{ me { profile { bio } } }"
# Between a client's requests, so that the servers get processor time.
PAUSE: Final = 0.01


class Pair:
    """A primary and its synchronous standby, of which each can become the other."""

    def __init__(self, directory: Path) -> None:
        """Create both servers and the service's database; the primary waits for the standby."""
        self.primary = PostgresServer(directory, "one")
        self.standby = PostgresServer(directory, "two")
        self.primary.initialize()
        self.primary.start()
        self.primary.create_roles(DATABASE)
        self._add_standby()

    def url(self, user: str) -> str:
        """Return a URL with both hosts, in an order that does not change."""
        first, second = sorted((self.primary.port, self.standby.port))
        hosts = f"{HOST}:{first},{HOST}:{second}"
        return f"postgresql://{user}:{PASSWORD}@{hosts}/{DATABASE}?target_session_attrs=read-write"

    def fail_over(self) -> float:
        """Kill the primary and promote the standby; return when the primary was killed."""
        killed = time.monotonic()
        self.primary.kill()
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        return killed

    def repair(self) -> None:
        """Add the former primary as a synchronous standby."""
        self._add_standby()

    def _add_standby(self) -> None:
        self.standby.clone(self.primary)
        self.standby.set_offline(synchronous_standby_names="")
        self.standby.start()
        self.primary.set(synchronous_standby_names=self.standby.name)
        with self.primary.connect() as connection:
            states = "SELECT sync_state FROM pg_stat_replication"
            while ("sync",) not in connection.execute(states).fetchall():
                time.sleep(0.02)

    def stop(self) -> None:
        for server in (self.primary, self.standby):
            server.kill()


@dataclass
class Client(Background):
    """A user's writes and reads, one after the other, until the block ends.

    A write is numbered. A read between two writes must return the last acknowledged one, or a later
    one whose outcome is unknown.
    """

    port: int
    token: str
    acknowledged: int = 0
    attempted: int = 0
    unknown: int = 0
    reads: int = 0
    failed_reads: int = 0
    wrong: list[str] = field(default_factory=list)
    last_write: float = 0.0
    slowest: float = 0.0

    def stop(self) -> None:
        """End after the pending request."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._write()
            self._read()
            time.sleep(PAUSE)

    def _write(self) -> None:
        self.attempted += 1
        answer = self._send(WRITE, bio=str(self.attempted))
        match answer:
            case {"data": {"updateProfile": {"user": {"profile": {"bio": bio}}, "errors": []}}}:
                self.acknowledged = self.attempted
                self.last_write = time.monotonic()
                if bio != str(self.attempted):
                    self.wrong.append(f"wrote {self.attempted}, the answer has {bio}")
            case _:
                self.unknown += 1
                self._check_error(answer)

    def _read(self) -> None:
        answer = self._send(READ)
        match answer:
            case {"data": {"me": {"profile": {"bio": bio}}}}:
                self.reads += 1
                if not self.acknowledged <= int(bio or 0) <= self.attempted:
                    self.wrong.append(f"read {bio}, acknowledged {self.acknowledged}")
            case _:
                self.failed_reads += 1
                self._check_error(answer)

    def _check_error(self, answer: Any) -> None:
        """Record an answer without data that is no error either, such as "not signed in"."""
        if answer is not None and not answer.get("errors"):
            self.wrong.append(json.dumps(answer))
        for error in (answer or {}).get("errors", []):
            if error["extensions"]["code"] in {"UNAUTHENTICATED", "FORBIDDEN"}:
                self.wrong.append(json.dumps(answer))

    def _send(self, query: str, **variables: str) -> Any:
        """Return the parsed answer; None if there was none in JSON."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        began = time.monotonic()
        try:
            return json.loads(self._ask(body))
        except (OSError, HTTPException, ValueError):
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)

    def _ask(self, body: bytes) -> bytes:
        """Return the answer to an operation."""
        headers = {"Content_Type": "application/json", "Authorization": f"Bearer {self.token}"}
        _response, answer = fetch(self.port, "POST", "/graphql", body, **headers)
        return answer
