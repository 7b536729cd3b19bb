"""Replicas, NGINX and load generators for the NGINX tests."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, RemoteDisconnected
from pathlib import Path
from typing import Any, Self

import psutil
import yaml

from core.dev.nginx import configuration
from core.dev.ports import free_port
from tests.support.service_processes import environ_of_tests
from tests.support.waiting import wait_until
from tests.system.programs import require_program

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
TIMEOUT = 20
THREADS = 4
# Pause between a client's requests, so that a starting replica gets processor time.
PAUSE = 0.002
CUT_SHORT = "the answer was cut short"
ELSEWHERE = "192.0.2.1"
QUERY = json.dumps({"query": "{ __typename }"}).encode()
REQUESTS = {
    "GET": ("/readyz?variables=confidential", None, {}, b"ok\n"),
    "POST": (
        "/graphql?variables=confidential",
        QUERY,
        {"Content-Type": "application/json"},
        b'{"data":{"__typename":"Query"}}',
    ),
}


def connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def fetch(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    source: str = HOST,
    **headers: str,
) -> tuple[HTTPResponse, bytes]:
    """Send a request from a loopback address on a connection of its own."""
    connection = HTTPConnection(HOST, port, timeout=TIMEOUT, source_address=(source, 0))
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, fields)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


class Replica:
    """A gunicorn on a free port, with additional environment variables."""

    def __init__(self, log: Path, **environ: str) -> None:
        self.port = free_port()
        self.log = log
        self.environ = environ
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def on_test_database(cls, log: Path, **environ: str) -> Self:
        """Return a replica on the database of the tests."""
        url = environ_of_tests()["DATABASE_URL"]
        return cls(log, DATABASE_URL=url, MIGRATION_DATABASE_URL=url, **environ)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        environ = {
            "BIND": f"{HOST}:{self.port}",
            "WEB_CONCURRENCY": "1",
            "WEB_THREADS": str(THREADS),
            # On a busy machine, requests wait longer than by default.
            "WEB_QUEUE_MS": "60000",
            "ALLOWED_HOSTS": HOST,
            "PUBLIC_URL": f"http://{HOST}",
        } | self.environ
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn"],
                cwd=ROOT,
                env=os.environ | environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        wait_until(self._is_ready, f"{self.log}: ready")

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        try:
            return fetch(self.port, "GET", "/readyz")[0].status == 200
        except OSError:
            return False

    def suspend(self) -> None:
        """Have the master and its workers hang."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGCONT)

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=TIMEOUT)

    def kill(self) -> None:
        """Kill the master and its workers with SIGKILL."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=TIMEOUT)


class Nginx:
    """The distribution's NGINX with our template."""

    def __init__(self, directory: Path, **variables: str) -> None:
        self.port = free_port()
        self.directory = directory
        self.variables = {
            "ROSTER_LISTEN": f"{HOST}:{self.port}",
            "ROSTER_PUBLIC_URL": f"http://{HOST}",
            "ROSTER_TRUSTED_PROXY": ELSEWHERE,
            **{
                name: compose_variables()[name]
                for name in ("ROSTER_MAX_BODY", "ROSTER_MAX_PER_ADDRESS")
            },
        } | variables
        self.command = [
            require_program("nginx", "nginx"),
            *("-p", str(directory), "-c", "nginx.conf", "-e", "stderr"),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> list[dict[str, Any]]:
        """The access log; complete once NGINX has stopped, because it logs after a response."""
        lines = (self.directory / "access.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def output(self) -> str:
        names = ("access.log", "error.log")
        return "".join((self.directory / name).read_text(encoding="utf-8") for name in names)

    def configure(self, upstream: str) -> None:
        config = configuration(self.variables | {"ROSTER_UPSTREAM": upstream})
        (self.directory / "nginx.conf").write_text(config, encoding="utf-8")

    def start(self) -> None:
        # Appending, because NGINX reopens /dev/stdout and so does not share its position.
        with (
            (self.directory / "access.log").open("ab") as stdout,
            (self.directory / "error.log").open("ab") as stderr,
        ):
            self.process = subprocess.Popen(
                [*self.command, "-g", "daemon off;"], stdout=stdout, stderr=stderr
            )
        wait_until(self._listens, f"{self.directory / 'error.log'}: listening")

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output
        return connects(self.port)

    def reload(self, upstream: str) -> None:
        """Change the replicas, and wait until no request uses the old list."""
        assert self.process is not None
        workers = psutil.Process(self.process.pid).children()
        self.configure(upstream)
        reload = [*self.command, "-s", "reload"]
        subprocess.run(reload, check=True, timeout=TIMEOUT, capture_output=True)
        _gone, alive = psutil.wait_procs(workers, timeout=TIMEOUT)
        assert not alive

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=TIMEOUT)


@contextmanager
def nginx_for(directory: Path, upstream: str, **variables: str) -> Iterator[Nginx]:
    nginx = Nginx(directory, **variables)
    nginx.configure(upstream)
    try:
        nginx.start()
        yield nginx
    finally:
        nginx.stop()


class Load:
    """Clients that send sequential requests over persistent connections.

    When a server closes an idle connection, the next request may already be in transit. Like a
    browser, the client then retries it on a new connection if it has received no byte of the
    response (RFC 9112, section 9.3.1). The tests check in the access log that no request was
    served twice.
    """

    def __init__(self, port: int, clients: int, methods: tuple[str, ...] = ("GET", "POST")) -> None:
        self.port = port
        self.methods = methods
        self.answered: Counter[str] = Counter()
        self.reconnects = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def run_for(self, *, requests: int) -> None:
        """Wait until ``requests`` more have completed or failed."""
        aim = self._count() + requests
        wait_until(lambda: self._count() >= aim, f"{requests} requests")

    def _count(self) -> int:
        return self.answered.total() + len(self.failures)

    def _client(self) -> None:
        connection = HTTPConnection(HOST, self.port, timeout=TIMEOUT)
        turn = 0
        while not self._stopped.is_set():
            methods = self.methods
            method = methods[turn % len(methods)]
            turn += 1
            problem = self._send(connection, method)
            time.sleep(PAUSE)
            with self._lock:
                if problem:
                    self.failures.append(f"{method}: {problem}")
                else:
                    self.answered[method] += 1
        connection.close()

    def _send(self, connection: HTTPConnection, method: str) -> str | None:
        path, body, headers, expected = REQUESTS[method]
        for last_try in (False, True):
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
            except (RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
                connection.close()
                if last_try:
                    return repr(error)
                with self._lock:
                    self.reconnects += 1
                continue
            except (OSError, HTTPException) as error:
                connection.close()
                return repr(error)
            break
        try:
            answer = response.read()
        except (OSError, HTTPException):
            connection.close()
            return CUT_SHORT
        if response.status != 200 or answer != expected:
            return f"{response.status} {answer!r}"
        return None


def compose_variables() -> dict[str, str]:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    environment: dict[str, str] = services["nginx"]["environment"]
    return environment


def upstream(*replicas: Replica, down: Replica | None = None) -> str:
    """Return the upstream servers with the parameters of compose.yaml."""
    found = re.search(r"server web:8000 resolve([^;]*);", compose_variables()["ROSTER_UPSTREAM"])
    assert found
    return " ".join(
        f"server {HOST}:{replica.port}{found[1]}{' down' if replica is down else ''};"
        for replica in replicas
    )


def served_by(log: list[dict[str, Any]]) -> Counter[int]:
    """Count responses by port, which is a request's last upstream."""
    return Counter(int(line["upstream"].rpartition(":")[2]) for line in log)
