"""Slow, silent or greedy clients do not affect others."""

import socket
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import psutil
import pytest

from core.server.connections import CONTINUE
from tests.server.servers import ECHO, HOST, PATIENCE, Server, serving
from tests.server.streams import NEXT, get, post

# One thread, so that a client that occupies it blocks all others.
ONE_THREAD = "--threads 1"
LARGE = 20_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    seconds: dict[str, Any] = {f"WEB_{what}_SECONDS": "2" for what in ("HEAD", "BODY", "ANSWER")}
    # Longer than any request takes.
    seconds["WEB_QUEUE_MS"] = "60000"
    with serving(ONE_THREAD, ECHO, **seconds) as server:
        yield server


@pytest.fixture
def sockets(server: Server) -> Iterator[list[socket.socket]]:
    """Open sixteen connections."""
    found = [socket.create_connection((HOST, server.port), PATIENCE) for _number in range(16)]
    yield found
    for connection in found:
        connection.close()


def assert_others_are_served(server: Server) -> None:
    connection = server.connect()
    connection.request("GET", "/next")
    assert connection.getresponse().status == 200


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(65_536):
        data += more
    return data


def is_reset(connection: socket.socket) -> bool:
    """Read to the end; return whether the connection was reset."""
    try:
        read_all(connection)
    except ConnectionResetError:
        return True
    return False


def read_slowly(connection: socket.socket) -> int:
    """Read 2 KB at a time without delay; return the bytes before a reset."""
    received = 0
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            received += len(connection.recv(2_048))
            time.sleep(0.05)
    except ConnectionResetError:
        return received
    pytest.fail("The connection was never given up.")


@pytest.mark.parametrize(
    "beginning",
    [b"GET /graph", get()[:-2], post(b"Content-Length: 10", body=b"abc")],
    ids=["a line", "a head", "a body"],
)
def test_late_requests_are_refused(
    server: Server, sockets: list[socket.socket], beginning: bytes
) -> None:
    for connection in sockets:
        connection.sendall(beginning)
    assert_others_are_served(server)
    started = time.monotonic()
    for connection in sockets:
        # Progress does not extend the deadline.
        time.sleep(0.1)
        connection.sendall(b"a")
    for connection in sockets:
        answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert b'"TIMEOUT"' in answer
    assert time.monotonic() - started < PATIENCE


def test_unread_answers_are_abandoned(server: Server, sockets: list[socket.socket]) -> None:
    for connection in sockets[:2]:
        connection.sendall(get(target=b"/large?%d" % LARGE))
    assert_others_are_served(server)
    assert read_slowly(sockets[0]) < LARGE


def test_slowly_read_answer_is_complete(server: Server, sockets: list[socket.socket]) -> None:
    connection = sockets[0]
    connection.sendall(get(target=b"/large?%d" % LARGE) + NEXT)
    assert_others_are_served(server)
    response = HTTPResponse(connection)
    response.begin()
    assert len(response.read()) == LARGE


def test_requests_that_wait_for_a_thread_do_not_expire(
    server: Server, sockets: list[socket.socket]
) -> None:
    slow, *others = sockets
    # For longer than a client may take to send a request.
    slow.sendall(get(target=b"/slow?4"))
    for connection in others:
        connection.sendall(get(b"Connection: close"))
    for connection in others:
        assert read_all(connection).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(("target", "is_complete"), [(b"/large", False), (b"/streamed", True)])
def test_streamed_answers_have_more_time(
    server: Server, sockets: list[socket.socket], target: bytes, *, is_complete: bool
) -> None:
    connection = sockets[0]
    connection.sendall(get(b"Connection: close", target=target + b"?%d" % LARGE))
    assert connection.recv(9) == b"HTTP/1.1 "
    # Beyond the deadline of other answers.
    time.sleep(4)
    assert is_reset(connection) is not is_complete


def test_unread_answers_are_bounded_in_memory(server: Server, sockets: list[socket.socket]) -> None:
    process = psutil.Process(server.process.pid).children()[0]
    before = process.memory_info().rss
    for connection in sockets:
        connection.sendall(get(b"Connection: close", target=b"/large?%d" % LARGE))
    assert_others_are_served(server)
    # Three fit into the budget, and the application made two copies of a fourth.
    assert process.memory_info().rss - before < len(sockets) * LARGE / 2
    assert sum(map(is_reset, sockets)) >= len(sockets) - 4


def test_continue_is_sent_once_and_before_the_answer(server: Server) -> None:
    with socket.create_connection((HOST, server.port), PATIENCE) as connection:
        connection.sendall(post(b"Content-Length: 3", b"Expect: 100-continue"))
        assert connection.recv(1_000) == CONTINUE
        connection.sendall(b"a")
        time.sleep(0.1)
        connection.sendall(b"bc")
        answer = connection.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b'"body": "abc"' in answer
        # No further 100 Continue follows; the next request is served as usual.
        connection.sendall(NEXT)
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_continue_is_sent_in_request_order(server: Server) -> None:
    with socket.create_connection((HOST, server.port), PATIENCE) as connection:
        connection.sendall(NEXT + post(b"Content-Length: 3", b"Expect: 100-continue"))
        received = b""
        while not received.endswith(CONTINUE):
            received += connection.recv(1_000)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        connection.sendall(b"abc")
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_oversized_body_is_refused_before_it_is_sent(server: Server) -> None:
    with socket.create_connection((HOST, server.port), PATIENCE) as connection:
        connection.sendall(post(b"Content-Length: 100000000", b"Expect: 100-continue"))
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"BODY_TOO_LARGE"' in answer


def test_oversized_upload_to_the_admin_leads_to_a_page(server: Server) -> None:
    upload = post(b"Content-Length: 100000000", b"Expect: 100-continue")
    target = upload.split(b" ", 2)[1]
    with socket.create_connection((HOST, server.port), PATIENCE) as connection:
        connection.sendall(upload.replace(target, b"/admin/imports/userimport/import-users/", 1))
        head, _separator, body = read_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"Content-Type: text/html; charset=utf-8" in head
    assert b"Content-Length: %d" % len(body) in head
    assert b"url=/admin/too-large/" in body


def test_body_takes_memory_of_its_size(server: Server, sockets: list[socket.socket]) -> None:
    process = psutil.Process(server.process.pid).children()[0]
    before = process.memory_info().rss
    body = 500_000
    for connection in sockets:
        connection.sendall(post(b"Transfer-Encoding: chunked") + b"2\r\nab\r\n" * (body // 2))
    assert_others_are_served(server)
    assert process.memory_info().rss - before < 3 * body * len(sockets)


def test_tiny_chunks_are_bounded(server: Server) -> None:
    with socket.create_connection((HOST, server.port), PATIENCE) as connection:
        connection.sendall(post(b"Transfer-Encoding: chunked"))
        chunks = (b"1;" + b"e" * 1_000 + b"\r\na\r\n") * 100
        try:
            for _number in range(1_000):
                connection.sendall(chunks)
        except OSError:
            return
    pytest.fail("100 MB of chunks were taken.")
