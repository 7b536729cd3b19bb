"""NGINX in front of two gunicorns, both real, while one of them is restarted or dies."""

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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import yaml

from tests.system.programs import require_program

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
TIMEOUT = 20
THREADS = 4
# Between a client's requests, lest the load starve the replica that is being started.
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {TIMEOUT} seconds"
        time.sleep(0.02)


def render(template: str, variables: dict[str, str]) -> str:
    """Substitute as the NGINX image does: the variables that are set, and nothing else."""
    return re.sub(
        r"\$\{(\w+)\}|\$(\w+)",
        lambda found: variables.get(found[1] or found[2], found[0]),
        template,
    )


def fetch(
    port: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(HOST, port, timeout=TIMEOUT)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, fields)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


class Replica:
    """A gunicorn on a port of its own."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        environ = {
            "BIND": f"{HOST}:{self.port}",
            "WEB_CONCURRENCY": "1",
            "WEB_THREADS": str(THREADS),
            "ALLOWED_HOSTS": HOST,
            "PUBLIC_URL": f"http://{HOST}",
        }
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

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=TIMEOUT)

    def kill(self) -> None:
        """End the master and its workers at once, without a word to anybody."""
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
            "ROSTER_MAX_BODY": compose_variables()["ROSTER_MAX_BODY"],
        } | variables
        self.command = [
            require_program("nginx", "nginx"),
            *("-p", str(directory), "-c", "nginx.conf", "-e", "stderr"),
        ]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> list[dict[str, Any]]:
        """The access log; NGINX writes a line after its answer, so stop it to have them all."""
        lines = (self.directory / "access.log").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def output(self) -> str:
        names = ("access.log", "error.log")
        return "".join((self.directory / name).read_text(encoding="utf-8") for name in names)

    def configure(self, upstream: str) -> None:
        template = (ROOT / "nginx.conf.template").read_text(encoding="utf-8")
        config = render(template, self.variables | {"ROSTER_UPSTREAM": upstream})
        (self.directory / "nginx.conf").write_text(config, encoding="utf-8")

    def start(self) -> None:
        # Appending, because NGINX opens /dev/stdout anew and so does not share its position.
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
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def reload(self, upstream: str) -> None:
        """Change the replicas, and wait for the last request that went by the old list."""
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


class Load:
    """Clients that send one request after another, each over a connection it keeps.

    When a server closes an idle connection, the next request may already be on its way. What
    every browser does then is done here: no byte of an answer has come, so the client
    connects again and repeats it (RFC 9112, section 9.3.1). That it was not served twice is
    for the access log to show.
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
        """Wait until as many more requests have been answered or have failed."""
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
    """Return the servers, with the parameters that the compose file gives them."""
    found = re.search(r"server web:8000 resolve([^;]*);", compose_variables()["ROSTER_UPSTREAM"])
    assert found
    return " ".join(
        f"server {HOST}:{replica.port}{found[1]}{' down' if replica is down else ''};"
        for replica in replicas
    )


def served_by(log: list[dict[str, Any]]) -> Counter[int]:
    """Count the answers of each port; the last upstream of a request is the one that answered."""
    return Counter(int(line["upstream"].rpartition(":")[2]) for line in log)


@pytest.fixture(scope="module")
def _pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replica, Replica]]:
    directory = tmp_path_factory.mktemp("gunicorn")
    pair = Replica(directory / "first.log"), Replica(directory / "second.log")
    yield pair
    for replica in pair:
        if replica.is_running:
            replica.kill()


@pytest.fixture
def replicas(_pair: tuple[Replica, Replica]) -> tuple[Replica, Replica]:
    """Two replicas that are ready, whatever an earlier test did to them."""
    for replica in _pair:
        if not replica.is_running:
            replica.start()
    for replica in _pair:
        replica.wait_until_ready()
    return _pair


@contextmanager
def nginx_for(directory: Path, upstream: str, **variables: str) -> Iterator[Nginx]:
    nginx = Nginx(directory, **variables)
    nginx.configure(upstream)
    try:
        nginx.start()
        yield nginx
    finally:
        nginx.stop()


def test_drained_restarts_lose_no_request(
    replicas: tuple[Replica, Replica], tmp_path: Path
) -> None:
    with (
        nginx_for(tmp_path, upstream(*replicas)) as nginx,
        Load(nginx.port, clients=8) as load,
    ):
        load.run_for(requests=200)
        for replica in replicas:
            before = len(nginx.log)
            nginx.reload(upstream(*replicas, down=replica))
            drained = len(nginx.log)
            load.run_for(requests=200)
            assert replica.stop() == 0
            load.run_for(requests=200)
            assert replica.port in served_by(nginx.log[:before])
            assert replica.port not in served_by(nginx.log[drained:])
            replica.start()
            replica.wait_until_ready()
            nginx.reload(upstream(*replicas))
            load.run_for(requests=200)
    log = nginx.log
    assert load.failures == []
    assert {line["status"] for line in log} == {200}
    # One line for each answer: no request was served twice.
    assert Counter(line["method"] for line in log) == load.answered
    assert min(served_by(log)[replica.port] for replica in replicas) > 200
    assert "confidential" not in nginx.output
    assert not any("confidential" in replica.log.read_text("utf-8") for replica in replicas)


def test_a_stop_without_drain_refuses_what_it_will_not_answer(
    replicas: tuple[Replica, Replica], tmp_path: Path
) -> None:
    with (
        nginx_for(tmp_path, upstream(*replicas)) as nginx,
        Load(nginx.port, clients=8) as load,
    ):
        for replica in replicas:
            load.run_for(requests=200)
            assert replica.stop() == 0
            load.run_for(requests=200)
            replica.start()
            replica.wait_until_ready()
    assert load.failures == []
    assert load.reconnects == 0


def test_a_killed_replica_costs_no_request_that_may_be_repeated(
    replicas: tuple[Replica, Replica], tmp_path: Path
) -> None:
    killed, alive = replicas
    with (
        nginx_for(tmp_path, upstream(*replicas)) as nginx,
        Load(nginx.port, clients=8, methods=("GET",)) as load,
    ):
        load.run_for(requests=200)
        killed.kill()
        dead_since = len(nginx.log)
        load.run_for(requests=200)
        # A POST that the dead replica refused was not begun, so it is tried elsewhere.
        load.methods = ("GET", "POST")
        load.run_for(requests=400)
    log = nginx.log
    retried = [line for line in log if "," in line["upstream"]]
    # What a dying replica had begun to say cannot be taken back; each thread says one thing.
    assert set(load.failures) <= {f"GET: {CUT_SHORT}"}
    assert len(load.failures) <= THREADS
    assert load.reconnects == 0
    assert {line["status"] for line in log} == {200}
    assert set(served_by(log[:dead_since])) == {killed.port, alive.port}
    # A request that was answered at the moment of the kill may have been logged after it.
    assert set(served_by(log[dead_since + 8 :])) == {alive.port}
    assert {line["method"] for line in retried} == {"GET", "POST"}
    assert all(served_by([line]) == {alive.port: 1} for line in retried)
    assert "confidential" not in nginx.output


class Echo(BaseHTTPRequestHandler):
    """A replica that answers with the request's header fields."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    server = ThreadingHTTPServer((HOST, 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"server {HOST}:{server.server_port};"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("trusted_proxy", "address", "scheme"),
    [(ELSEWHERE, HOST, "http"), (HOST, "203.0.113.9", "https")],
)
def test_the_client_is_not_believed_about_itself(
    echo: str, tmp_path: Path, trusted_proxy: str, address: str, scheme: str
) -> None:
    variables = {
        "ROSTER_TRUSTED_PROXY": trusted_proxy,
        "ROSTER_PUBLIC_URL": f"{scheme}://roster.example:8080",
    }
    with nginx_for(tmp_path, echo, **variables) as nginx:
        response, body = fetch(
            nginx.port,
            "GET",
            "/?token=confidential",
            Host="roster.example:8080",
            X_Forwarded_For="198.51.100.7, 203.0.113.9",
            X_Forwarded_Proto="gopher",
            X_Forwarded_Host="elsewhere.example",
            X_Request_ID="chosen-by-the-client",
        )
    [line] = nginx.log
    seen = json.loads(body)
    assert seen["x-forwarded-for"] == address == line["client"]
    assert seen["x-forwarded-proto"] == scheme
    assert seen["host"] == seen["x-forwarded-host"] == "roster.example:8080"
    assert re.fullmatch(r"[0-9a-f]{32}", seen["x-request-id"])
    assert line["request_id"] == seen["x-request-id"]
    assert line["path"] == "/"
    assert "confidential" not in nginx.output
    assert response.headers["Server"] == "nginx"


def test_what_nginx_refuses_it_refuses_in_json(echo: str, tmp_path: Path) -> None:
    unused = f"server {HOST}:{free_port()} max_fails=0;"
    with nginx_for(tmp_path, unused) as nginx:
        too_large = fetch(nginx.port, "POST", "/graphql", b" " * 200_000)
        unavailable = fetch(nginx.port, "POST", "/graphql?token=confidential", QUERY)
        nginx.reload(echo)
        recovered, _body = fetch(nginx.port, "GET", "/")
    answers = [
        (response.status, response.headers["Content-Type"], json.loads(body)["errors"][0])
        for response, body in (too_large, unavailable)
    ]
    assert [(status, kind) for status, kind, _error in answers] == [
        (413, "application/json"),
        (502, "application/json"),
    ]
    codes = [error["extensions"]["code"] for _status, _kind, error in answers]
    assert codes == ["BODY_TOO_LARGE", "UNAVAILABLE"]
    assert recovered.status == 200
    assert "confidential" not in nginx.output
