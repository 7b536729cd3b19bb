"""Proxies that reuse connections never deliver a response to another client."""

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Event

import pytest
from django.conf import settings

from tests.support.factories import make_token, make_user
from tests.system.caddy import MEASURE, caddy_for
from tests.system.cluster import HOST, TIMEOUT, Nginx, Replica, upstream

TRIES = 1_000
ATTACKERS = 4
API = "/graphql"
# The size of the pieces in which Go's proxies write a head, in bytes.
PIECE = 4_096
HIDDEN = "GET /metrics HTTP/1.1"
ME = json.dumps({"query": "{ me { username } }"}).encode()

Proxy = Callable[[Path, Replica, int], AbstractContextManager[int]]


@contextmanager
def nginx_for(directory: Path, replica: Replica, measuring: int) -> Iterator[int]:
    nginx = Nginx(directory)
    nginx.configure(upstream(replica))
    template = directory / "nginx.conf"
    proxied = f"location {MEASURE} {{ proxy_pass http://{HOST}:{measuring}; }} location / {{"
    template.write_text(template.read_text("utf-8").replace("location / {", proxied), "utf-8")
    try:
        nginx.start()
        yield nginx.port
    finally:
        nginx.stop()


@pytest.fixture
def replica(transactional_db: None, tmp_path: Path) -> Iterator[Replica]:
    replica = Replica.on_test_database(
        tmp_path / "gunicorn.log", PUBLIC_URL=settings.PUBLIC_URL, WEB_ACCESS_LOG="0"
    )
    replica.start()
    replica.wait_until_ready()
    yield replica
    assert replica.stop() == 0


def send(connection: HTTPConnection, path: str, padding: int) -> None:
    """Send a head whose last fields, after ``padding`` bytes, could be parsed as a request."""
    pad = f"{'a' * padding}{HIDDEN}"
    headers = {"Content-Type": "application/json", "X-Pad": pad, "X-Rest": "a"}
    connection.request("POST", path, b"", headers)


def padding_for(port: int, listener: socket.socket) -> int:
    """Return the length of the padding that fills the proxy's first piece."""
    with closing(HTTPConnection(HOST, port, timeout=TIMEOUT)) as connection:
        send(connection, MEASURE, 0)
        proxied, _address = listener.accept()
        with proxied:
            head = proxied.recv(65_536)
            proxied.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connection.getresponse().read()
    return PIECE - head.lower().index(b"x-pad: ") - len("x-pad: ")


def attack(port: int, padding: int) -> None:
    """Repeat the attack on a new connection."""
    connection = HTTPConnection(HOST, port, timeout=TIMEOUT)
    for _number in range(TRIES // ATTACKERS):
        send(connection, API, padding)
        connection.getresponse().read()
    connection.close()


def ask(port: int, username: str, token: str, over: Event) -> set[str]:
    """Query `me` repeatedly; return all distinct responses."""
    bodies = set()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    with closing(HTTPConnection(HOST, port, timeout=TIMEOUT)) as connection:
        while not over.is_set():
            connection.request("POST", API, ME, headers)
            bodies.add(connection.getresponse().read().decode())
    return bodies


@pytest.mark.parametrize("proxy", [nginx_for, caddy_for])
def test_no_answer_reaches_another(proxy: Proxy, replica: Replica, tmp_path: Path) -> None:
    tokens = {username: make_token(make_user(username)) for username in ("alice", "bob")}
    over = Event()
    with (
        socket.create_server((HOST, 0)) as listener,
        proxy(tmp_path, replica, listener.getsockname()[1]) as port,
        ThreadPoolExecutor(ATTACKERS + len(tokens)) as pool,
    ):
        padding = padding_for(port, listener)
        clients = {
            username: pool.submit(ask, port, username, token, over)
            for username, token in tokens.items()
        }
        attackers = [pool.submit(attack, port, padding) for _number in range(ATTACKERS)]
        try:
            for attacker in attackers:
                attacker.result(timeout=10 * TIMEOUT)
        finally:
            over.set()
        assert {username: client.result() for username, client in clients.items()} == {
            username: {f'{{"data":{{"me":{{"username":"{username}"}}}}}}'} for username in tokens
        }
