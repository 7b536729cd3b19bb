"""`core.server.worker.Worker` over real connections."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse

import psutil
import pytest

from core.server.connections import RESET
from tests.server.servers import ECHO, HOST, PATIENCE, Server, serving
from tests.server.streams import exchange, read_all
from tests.support.waiting import wait_until

PROBE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module", params=["--threads 1"])
def shared_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A worker with these arguments, for consecutive tests."""
    with serving(request.param, ECHO) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    yield shared_server
    shared_server.connections.close()


def arguments(text: str) -> pytest.MarkDecorator:
    """Run the test with a worker with these arguments."""
    return pytest.mark.parametrize("shared_server", [text], indirect=True, ids=[""])


ONE_THREAD = arguments("--threads 1")
TWO_THREADS = arguments("--threads 2")
FEW_CONNECTIONS = arguments("--threads 2 --worker-connections 12")


def probe(connection: HTTPConnection) -> HTTPResponse:
    connection.request("GET", "/livez")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"ok\n")
    return response


def ask_together(server: Server, number: int) -> list[socket.socket]:
    """Send a probe on each of ``number`` connections before the worker accepts one.

    It would close a connection without a request to make room.
    """
    with closing(server.connect()) as first:
        # The worker has started.
        probe(first)
    (worker,) = psutil.Process(server.process.pid).children()
    worker.suspend()
    wait_until(lambda: worker.status() == psutil.STATUS_STOPPED)
    connections = [server.connect().sock for _number in range(number)]
    for connection in connections:
        connection.sendall(PROBE)
        connection.shutdown(socket.SHUT_WR)
    worker.resume()
    return connections


def is_closed(connection: socket.socket) -> bool:
    """Wait for the end of the connection or for data; return whether it ended."""
    return connection.recv(1) == b""


@TWO_THREADS
def test_connections_are_kept_and_served_in_any_order(server: Server) -> None:
    connections = [server.connect() for _number in range(6)]
    for connection in [*connections, *reversed(connections)]:
        assert probe(connection).getheader("Connection") == "keep-alive"


@TWO_THREADS
def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    connection = server.connect().sock
    connection.sendall(3 * PROBE)
    answers = b""
    while answers.count(b"ok\n") < 3:
        answers += connection.recv(10_000)
    assert answers.count(b"HTTP/1.1 200 OK") == 3


@ONE_THREAD
def test_silent_clients_hold_no_thread(server: Server) -> None:
    silent = [server.connect() for _number in range(3)]
    probe(server.connect())
    for connection in silent:
        probe(connection)


def test_idle_connections_are_closed() -> None:
    with serving("--threads 1 --keep-alive 1", ECHO) as server:
        used, unused = server.connect(), server.connect()
        probe(used)
        assert is_closed(used.sock)
        assert is_closed(unused.sock)
        probe(server.connect())


@FEW_CONNECTIONS
def test_idle_connections_block_no_clients(server: Server) -> None:
    unused = [server.connect() for _number in range(30)]
    for connection in unused[-4:]:
        probe(connection)
    # The oldest connections were closed.
    assert is_closed(unused[0].sock)


def test_incomplete_heads_block_no_clients() -> None:
    with serving("--threads 2 --worker-connections 12", ECHO, WEB_HEAD_SECONDS="600") as server:
        begun = [server.connect() for _number in range(30)]
        for connection in begun:
            connection.sock.sendall(PROBE[:20])
        probe(server.connect())
        assert begun[0].sock.recv(100).startswith(b"HTTP/1.1 408 ")


@arguments("--threads 1 --worker-connections 1")
def test_connection_is_accepted_as_soon_as_another_is_closed(server: Server) -> None:
    *_others, last = ask_together(server, 200)
    # If each waited for the worker's next tick, the last would exceed its patience.
    assert b" 200 OK" in read_all(last)


@FEW_CONNECTIONS
def test_excess_connections_are_all_answered(server: Server) -> None:
    assert all(b" 200 OK" in read_all(each) for each in ask_together(server, 100))


def test_stopping_worker_answers_open_connections() -> None:
    with serving("--threads 2", ECHO) as server:
        silent, half, idle = (server.connect() for _number in range(3))
        probe(half)
        probe(idle)
        half.sock.sendall(PROBE[:20])
        server.process.terminate()
        while server.listens():
            time.sleep(0.05)
        half.sock.sendall(PROBE[20:])
        response = HTTPResponse(half.sock)
        response.begin()
        assert (response.status, response.read()) == (200, b"ok\n")
        assert response.getheader("Connection") == "close"
        assert probe(silent).getheader("Connection") == "close"
        assert is_closed(idle.sock)
        assert server.process.wait(timeout=PATIENCE) == 0


def test_worker_with_a_dead_thread_is_replaced() -> None:
    # The first thread's end stops the worker, which may not accept the second request any more. It
    # then waits so long for the connection that its thread left behind.
    with serving("--threads 2 --graceful-timeout 2", ECHO) as server:
        connection = server.connect()
        connection.request("GET", "/next")
        assert connection.getresponse().status == 200
        (worker,) = psutil.Process(server.process.pid).children()
        for _number in range(2):
            server.connect().request("GET", "/exit")
        worker.wait(timeout=PATIENCE)
        connection = server.connect()
        connection.request("GET", "/next")
        assert connection.getresponse().status == 200


@ONE_THREAD
def test_application_exceptions_kill_no_thread(server: Server) -> None:
    for _number in range(3):
        connection = server.connect()
        connection.request("GET", "/late")
        response = connection.getresponse()
        assert (response.status, response.getheader("Connection")) == (500, "close")
        (error,) = json.load(response)["errors"]
        request_id = response.getheader("X-Request-ID")
        assert error["extensions"] == {"code": "INTERNAL_ERROR", "requestId": request_id}
    connection = server.connect()
    connection.request("GET", "/next")
    assert connection.getresponse().status == 200


@ONE_THREAD
def test_failing_close_kills_no_thread(server: Server) -> None:
    for _number in range(2):
        connection = server.connect()
        connection.request("GET", "/broken")
        connection.getresponse()
        connection.request("GET", "/broken")
    connection = server.connect()
    connection.request("GET", "/next")
    assert connection.getresponse().status == 200


def test_immediate_resets_do_not_stop_the_worker() -> None:
    with serving("--threads 4 --worker-connections 12", ECHO) as server:
        probe(server.connect())
        workers = psutil.Process(server.process.pid).children()
        for number in range(3_000):
            with socket.create_connection((HOST, server.port), PATIENCE) as connection:
                connection.sendall(PROBE[: number % 3])
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        probe(server.connect())
        assert psutil.Process(server.process.pid).children() == workers


def test_path_cannot_forge_access_log_lines(capfd: pytest.CaptureFixture[str]) -> None:
    with serving("", ECHO) as server:
        exchange(server.port, [[b"GET /a%0a%00b?token=c HTTP/1.1\r\nHost: localhost\r\n\r\n"]])
        server.process.terminate()
        server.process.wait(timeout=PATIENCE)
    log = capfd.readouterr().out
    assert '"GET /a%0a%00b HTTP/1.1" 200' in log
    assert "token" not in log
