"""A database that hangs or is stopped, and storms of log-ins: nothing stalls together."""

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, Final, NamedTuple

import psycopg
import pytest
from django.contrib.auth.hashers import make_password

from tests.server.servers import HOST, PATIENCE, Server, serving
from tests.support.database_proxies import DatabaseProxy, database_proxy
from tests.support.factories import PASSWORD, make_cookie_session, make_token
from tests.support.service_processes import environ_of_tests
from tests.support.waiting import wait_until
from users.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

GRAPHQL_JSON: Final = "application/graphql-response+json"
ME: Final = "{ me { username } }"
RENAME: Final = 'mutation { updateProfile(input: {bio: "new"}) { errors { code } } }'
LOG_IN: Final = """mutation ($login: String!, $password: String!) {
  logIn(input: {login: $login, password: $password}) { accessToken }
}"""


class Answer(NamedTuple):
    """A complete response."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def code(self) -> str:
        """The code of the only error; "" without one."""
        codes = {each["extensions"]["code"] for each in json.loads(self.content).get("errors", ())}
        return codes.pop() if codes else ""

    @property
    def is_unavailable(self) -> bool:
        return (
            (self.status, self.code) == (503, "UNAVAILABLE")
            and int(self.headers["Retry-After"]) > 0
            and "json" in self.headers["Content-Type"]
        )


class Client:
    """Sends requests, each on a connection of its own, also from threads."""

    def __init__(self, server: Server, token: str = "") -> None:
        self._port = server.port
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._pool = ThreadPoolExecutor(64)

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask("GET", path, None, headers)

    def post(self, query: str, accept: str = "*/*", **variables: str) -> Answer:
        body = json.dumps({"query": query, "variables": variables})
        headers = {"Content-Type": "application/json", "Accept": accept}
        return self._ask("POST", "/graphql", body, self._headers | headers)

    def later(self, query: str, **variables: str) -> "Future[Answer]":
        return self._pool.submit(self.post, query, **variables)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        with closing(HTTPConnection(HOST, self._port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())


@pytest.fixture
def proxy() -> Iterator[DatabaseProxy]:
    with database_proxy() as proxy:
        yield proxy


def start(proxy: DatabaseProxy, **environ: str) -> Any:
    return serving("--threads 2", **proxy.environ(**environ))


def test_hung_database_fails_no_probe_and_no_more_requests_than_threads(
    proxy: DatabaseProxy, alice: User
) -> None:
    """It holds the threads' requests until their deadline, and others for a part of it."""
    bounds = {"WEB_QUEUE_LENGTH": "3", "WEB_QUEUE_MS": "500"}
    bounds |= {"STATEMENT_TIMEOUT_MS": "2000", "REQUEST_DEADLINE_MS": "3000"}
    with start(proxy, **bounds) as server:
        client = Client(server, make_token(alice))
        assert client.post(ME).status == client.get("/readyz").status == 200
        proxy.hang()
        requests = [client.later(ME) for _number in range(12)]
        # All but those of the threads are answered before the first deadline.
        wait_until(lambda: sum(each.done() for each in requests) >= 10, seconds=PATIENCE)
        assert client.get("/livez").content == b"ok\n"
        readiness = client.get("/readyz")
        assert (readiness.status, readiness.content) == (503, b"database does not respond\n")
        # The database still hangs, so that only the process itself can end them.
        assert all(each.result(PATIENCE).is_unavailable for each in requests)
        assert client.get("/livez").content == b"ok\n"
        scrape = client.get("/metrics")
        assert scrape.status == 200
        assert b"\ndatabase_up 0.0\n" in scrape.content
        proxy.resume()
        wait_until(lambda: client.get("/readyz").status == 200, seconds=PATIENCE)
        assert client.post(ME).status == 200


def test_everything_is_unavailable_while_the_database_is_stopped(
    proxy: DatabaseProxy, alice: User, root: User
) -> None:
    cookie = {"Cookie": f"roster={make_cookie_session(root)}"}
    with start(proxy) as server:
        client, anonymous = Client(server, make_token(alice)), Client(server)
        for reader in (client, anonymous):
            assert reader.post(ME).status == 200
        assert client.post(RENAME).code == ""

        def answers() -> list[Answer]:
            credentials = {"login": "alice", "password": PASSWORD}
            return [
                client.post(ME),
                client.post(RENAME),
                client.post(RENAME),
                client.post("{ users(first: 5) { nodes { id } } }"),
                anonymous.post(LOG_IN, **credentials),
                anonymous.post(
                    'mutation { requestPasswordReset(input: {email: "a@b.co"}) '
                    "{ errors { code } } }"
                ),
                client.get("/admin/", **cookie),
                client.get("/admin/accounts/user/", **cookie),
            ]

        proxy.stop()
        refused = answers()
        assert [each.code for each in refused] == ["UNAVAILABLE"] * len(refused)
        assert all(each.is_unavailable for each in refused)
        typed = client.post(RENAME, accept=GRAPHQL_JSON)
        assert typed.is_unavailable
        assert typed.headers["Content-Type"].startswith(GRAPHQL_JSON)
        assert client.get("/readyz").status == 503
        assert client.get("/livez").status == 200
        proxy.start()
        wait_until(lambda: client.get("/readyz").status == 200, seconds=PATIENCE)
        assert client.post(ME).status == client.post(RENAME).status == 200


def test_storm_of_log_ins_leaves_a_thread_for_reads(alice: User, settings: Any) -> None:
    costs = {"ARGON2_PASSES": "10", "ARGON2_MEMORY_KIB": "19456"}
    for name, value in costs.items():
        setattr(settings, name, int(value))
    User.objects.update(password=make_password(PASSWORD))
    environ = environ_of_tests(WEB_THREADS="2", LOG_INS_PER_ACCOUNT="100", **costs)
    with serving("", **environ) as server:
        client, anonymous = Client(server, make_token(alice)), Client(server)
        assert client.post(ME).status == 200
        credentials = {"login": "alice", "password": PASSWORD}
        log_ins = [anonymous.later(LOG_IN, **credentials) for _number in range(30)]
        wait_until(lambda: any(each.done() for each in log_ins), seconds=PATIENCE)
        assert client.get("/livez").content == b"ok\n"
        assert client.get("/readyz").content == b"ok\n"
        assert client.post(ME).code == ""
        found = [each.result(PATIENCE) for each in log_ins]
    served = [each for each in found if each.status == 200]
    refused = [each for each in found if each.status == 503]
    assert len(served) + len(refused) == len(found)
    assert all(json.loads(each.content)["data"]["logIn"]["accessToken"] for each in served)
    assert served
    assert refused
    assert {each.code for each in refused} <= {"SERVICE_BUSY", "UNAVAILABLE"}
    assert all(int(each.headers["Retry-After"]) > 0 for each in refused)


def test_connections_notice_a_vanished_host(proxy: DatabaseProxy, settings: Any) -> None:
    """The host sends no reset, which only the network could imitate."""
    options = settings.DATABASES["default"]["OPTIONS"]
    with psycopg.connect(proxy.url, **options) as connection:
        libpq = socket.socket(fileno=os.dup(connection.fileno()))
        with libpq:

            def read(option: int) -> int:
                return libpq.getsockopt(socket.IPPROTO_TCP, option)

            assert read(socket.TCP_USER_TIMEOUT) == 5_000
            idle, interval, count = map(
                read, (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert idle + interval * count <= 5
            assert libpq.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
