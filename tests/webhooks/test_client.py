"""The HTTP client against hostile receivers and names."""

import socket
import threading
import time
from ipaddress import ip_network
from typing import Any, Final

import pytest

from core.bounded_connections import BoundedBackend
from tests.support.receivers import Receiver, receiving, serving
from tests.support.webhooks import send
from users.webhooks import client
from users.webhooks.client import PARALLEL, Request, Sender, UnwantedError

PUBLIC: Final = "93.184.216.34"


# Addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "0.0.0.0"],  # noqa: S104
)
def test_this_machine_is_not_reached_by_any_name(host: str) -> None:
    with receiving() as receiver:
        assert send(receiver.url(host)).error == "ADDRESS_REFUSED"
    assert receiver.requests == []


def test_names_of_private_addresses_are_refused(names: dict[str, list[list[str]]]) -> None:
    with receiving() as receiver:
        for addresses in (["127.0.0.1"], ["10.0.0.1", "::1"], ["::ffff:127.0.0.1"]):
            names["receiver.example"] = [addresses]
            assert send(receiver.url("receiver.example")).error == "ADDRESS_REFUSED"
    assert receiver.requests == []


def test_the_connection_is_made_to_the_checked_address(
    names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes between the check and the connection (DNS rebinding)."""
    reached: list[str] = []

    def connect(address: tuple[str, int], *_arguments: Any) -> socket.socket:
        reached.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    names["receiver.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert send("http://receiver.example:8080/").error == "CONNECTION_FAILED"
    assert reached == [PUBLIC]
    assert send("http://receiver.example:8080/").error == "ADDRESS_REFUSED"
    assert reached == [PUBLIC]


def test_other_addresses_of_a_name_are_tried(
    names: dict[str, list[list[str]]], settings: Any
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    # Of the first, nothing listens; the second is not allowed.
    names["receiver.example"] = [["127.0.0.2", "::1", "127.0.0.1"]]
    with receiving() as receiver:
        assert send(receiver.url("receiver.example")).status_code == 200
    assert [request.headers["host"] for request in receiver.requests] == [
        f"receiver.example:{receiver.port}"
    ]


def test_unknown_names() -> None:
    assert send("https://receiver.invalid/").error == "NAME_NOT_RESOLVED"


def test_proxies_of_the_environment_are_ignored(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(receiver.url()).error is None


# Responses -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(local_receivers: None, status: int) -> None:
    with (
        receiving() as inner,
        receiving(lambda _received: (status, {"Location": inner.url()})) as outer,
    ):
        outcome = send(outer.url())
    assert (outcome.error, outcome.status_code) == ("REDIRECTED", status)
    assert (len(outer.requests), inner.requests) == (1, [])


@pytest.mark.parametrize(
    ("status", "error"),
    [(200, None), (204, None), (299, None), (400, "STATUS_REFUSED"), (500, "STATUS_REFUSED")],
)
def test_the_status_decides(local_receivers: None, status: int, error: str | None) -> None:
    with receiving(lambda _received: (status, {"Retry-After": "7"})) as receiver:
        outcome = send(receiver.url())
    assert (outcome.status_code, outcome.error, outcome.retry_after) == (status, error, 7)


@pytest.mark.parametrize(
    "response",
    [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"\x00" * 10_000, b"\r\n" * 9],
)
def test_other_protocols(local_receivers: None, response: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(response)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)

    with serving(serve) as url:
        assert send(url).error == "RESPONSE_INVALID"


def test_endless_headers_end(local_receivers: None) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X: " + b"x" * 8_000 + b"\r\n")

    with serving(serve) as url:
        assert send(url).error == "RESPONSE_INVALID"


def test_large_bodies_are_not_read(local_receivers: None) -> None:
    sent = [0]

    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            sent[0] += connection.send(b"x" * 65_536)

    with serving(serve) as url:
        assert send(url).error is None
    assert sent[0] < 50_000_000


def test_bodies_of_another_length_than_announced_are_not_read(local_receivers: None) -> None:
    sent = [0]

    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + bytes(65_536) + b"\r\n"
        while sent[0] < 100_000_000:
            connection.sendall(chunk)
            sent[0] += len(chunk)

    with serving(serve) as url:
        assert send(url).error is None
    assert sent[0] < 50_000_000


def test_bodies_that_end_early_do_not_hide_the_status(local_receivers: None) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

    with serving(serve) as url:
        outcome = send(url)
    assert (outcome.error, outcome.status_code) == (None, 200)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: "])
def test_silent_and_dripping_receivers_are_left(
    local_receivers: None, impatient: None, start: bytes
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(start)
        while True:
            time.sleep(0.05)
            if start:
                connection.sendall(b"x")

    with serving(serve) as url:
        outcome = send(url)
    assert outcome.error == "TIMED_OUT"
    assert outcome.duration_ms is not None
    assert outcome.duration_ms >= 1_000


def test_dripping_bodies_do_not_hide_the_status(local_receivers: None, impatient: None) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        while True:
            time.sleep(0.05)
            connection.sendall(b"x")

    with serving(serve) as url:
        assert send(url).error is None


def test_endless_interim_responses_end(local_receivers: None, impatient: None) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        while True:
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
            time.sleep(0.01)

    with serving(serve) as url:
        assert send(url).error == "TIMED_OUT"


def test_receivers_that_do_not_read_are_left(local_receivers: None, impatient: None) -> None:
    ended = threading.Event()

    def serve(_connection: socket.socket) -> None:
        ended.wait(20)

    with serving(serve) as url:
        assert send(url, b"x" * 20_000_000).error == "TIMED_OUT"
    ended.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_requests_that_are_not_wanted_any_more_end(
    local_receivers: None, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """Whatever they wait for: here an answer, or the handshake of TLS."""
    monkeypatch.setattr(client, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(client, "TOTAL_SECONDS", 60.0)
    has_arrived, has_hung_up = threading.Event(), threading.Event()

    def hang(connection: socket.socket) -> None:
        # Less than the time-out of the request.
        connection.settimeout(20)
        while connection.recv(4_096):
            has_arrived.set()
        has_hung_up.set()

    with serving(hang) as url:
        request = Request(url.replace("http", scheme, 1), {"webhook-id": "x"}, b"{}")
        with pytest.raises(UnwantedError), Sender() as sender:
            sender.send_all([request], is_wanted=lambda: not has_arrived.is_set())
        assert has_hung_up.wait(20)


def test_no_other_address_is_tried_once_requests_are_not_wanted(
    local_receivers: None, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[list[str]]]
) -> None:
    """Each would hold the worker for as long as an attempt to connect may take."""
    monkeypatch.setattr(client, "CHECK_SECONDS", 0.05)
    is_trying, is_given_up = threading.Event(), threading.Event()
    tried: list[str] = []

    def connect(address: tuple[str, int], _seconds: float) -> socket.socket:
        tried.append(address[0])
        is_trying.set()
        assert is_given_up.wait(20)
        raise TimeoutError

    disconnect = BoundedBackend.disconnect

    def give_up(backend: BoundedBackend) -> None:
        disconnect(backend)
        is_given_up.set()

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(BoundedBackend, "disconnect", give_up)
    names["receiver.example"] = [["127.0.0.2", "127.0.0.3"]]
    request = Request("http://receiver.example:9/", {"webhook-id": "x"}, b"{}")
    with pytest.raises(UnwantedError), Sender() as sender:
        sender.send_all([request], is_wanted=lambda: not is_trying.is_set())
    assert tried == ["127.0.0.2"]


def test_hung_look_ups_of_a_batch_leave_others_theirs(
    local_receivers: None, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go on after their requests were given up, and another owner's webhook is next."""
    is_over = threading.Event()
    request = Request("http://hung.example/", {"webhook-id": "x"}, b"{}")
    getaddrinfo = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "hung.example":
            assert is_over.wait(20)
        return getaddrinfo("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    try:
        with receiving() as receiver, Sender() as sender:
            outcomes = sender.send_all([request] * PARALLEL)
            assert {outcome.error for outcome in outcomes} == {"TIMED_OUT"}
            assert send(receiver.url("other.example")).status_code == 200
    finally:
        is_over.set()


def test_closed_ports(local_receivers: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert send(f"http://127.0.0.1:{port}/").error == "CONNECTION_FAILED"


@pytest.mark.parametrize(
    "answer", [b"200 OK\r\nContent-Length: 2\r\n\r\nok", b"204 No Content\r\n\r\n"]
)
def test_connections_are_used_again(local_receivers: None, answer: bytes) -> None:
    ports: list[int] = []

    def serve(connection: socket.socket) -> None:
        ports.append(connection.getpeername()[1])
        while connection.recv(65_536):
            connection.sendall(b"HTTP/1.1 " + answer)

    with serving(serve) as url, Sender() as sender:
        for _number in range(3):
            (outcome,) = sender.send_all([Request(url, {}, b"")])
            assert outcome.error is None
    assert len(ports) == 1
