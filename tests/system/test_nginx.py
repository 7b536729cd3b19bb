"""NGINX in front of two gunicorns, one of which is restarted or killed."""

import gzip
import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings

from core.dev.ports import free_port
from tests.support.factories import PASSWORD, make_cookie_session, make_token, make_user
from tests.support.waiting import wait_until
from tests.system.cluster import (
    CUT_SHORT,
    ELSEWHERE,
    HOST,
    QUERY,
    ROOT,
    THREADS,
    Load,
    Replica,
    fetch,
    nginx_for,
    served_by,
    upstream,
)

ALLOWED = "http://app.example"


@pytest.fixture(scope="module")
def _pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replica, Replica]]:
    directory = tmp_path_factory.mktemp("gunicorn")
    logs = directory / "first.log", directory / "second.log"
    # A load that lasts for long on a busy machine must not reach the rate limit.
    environ = {"ALLOWED_ORIGINS": ALLOWED, "GRAPHQL_POINTS_PER_MINUTE": "1000000000"}
    first, second = (Replica(log, **environ) for log in logs)
    pair = first, second
    yield pair
    for replica in pair:
        if replica.is_running:
            replica.kill()


@pytest.fixture
def replicas(_pair: tuple[Replica, Replica]) -> tuple[Replica, Replica]:
    """Two replicas that are ready; restarts those that an earlier test has stopped."""
    for replica in _pair:
        if not replica.is_running:
            replica.start()
    for replica in _pair:
        replica.wait_until_ready()
    return _pair


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
    # One line per response, so no request was served twice.
    assert Counter(line["method"] for line in log) == load.answered
    assert min(served_by(log)[replica.port] for replica in replicas) > 200
    assert "confidential" not in nginx.output
    assert not any("confidential" in replica.log.read_text("utf-8") for replica in replicas)


def test_stop_without_drain_refuses_new_requests(
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


def test_killed_replica_loses_no_idempotent_request(
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
        # A POST that the dead replica refused was not sent, so it is tried on the other one.
        load.methods = ("GET", "POST")
        load.run_for(requests=400)
    log = nginx.log
    retried = [line for line in log if "," in line["upstream"]]
    # A response that was partly sent cannot be retried; there is at most one per thread.
    assert set(load.failures) <= {f"GET: {CUT_SHORT}"}
    assert len(load.failures) <= THREADS
    assert load.reconnects == 0
    assert {line["status"] for line in log} == {200}
    assert set(served_by(log[:dead_since])) == {killed.port, alive.port}
    # Responses at the moment of the kill may have been logged after it.
    assert set(served_by(log[dead_since + 8 :])) == {alive.port}
    assert {line["method"] for line in retried} == {"GET", "POST"}
    assert all(served_by([line]) == {alive.port: 1} for line in retried)
    assert "confidential" not in nginx.output


def test_hung_replica_keeps_only_what_it_has(
    replicas: tuple[Replica, Replica], tmp_path: Path
) -> None:
    hung, alive = replicas
    with nginx_for(tmp_path, upstream(*replicas)) as nginx, Load(nginx.port, clients=6) as load:
        load.run_for(requests=100)
        hung.suspend()
        try:
            before = len(nginx.log)
            # If requests took turns, all clients would wait soon.
            load.run_for(requests=300)
        finally:
            hung.resume()
        load.run_for(requests=100)
    assert load.failures == []
    # In flight when it hung, or later while the other one had as many: never all clients.
    assert served_by(nginx.log[before : before + 300])[hung.port] <= 6
    assert served_by(nginx.log)[alive.port] > 300


def test_nginx_does_not_expose_metrics(replicas: tuple[Replica, Replica], tmp_path: Path) -> None:
    for replica in replicas:
        assert fetch(replica.port, "GET", "/metrics")[0].status == 200
    with nginx_for(tmp_path, upstream(*replicas)) as nginx:
        for path in ("/metrics", "//metrics", "/%6detrics", "/x/../metrics"):
            assert fetch(nginx.port, "GET", path, Connection="X-Forwarded-For")[0].status == 404


def test_nginx_keeps_cross_origin_headers(
    replicas: tuple[Replica, Replica], tmp_path: Path
) -> None:
    sent = {"Origin": ALLOWED, "Content_Type": "application/json"}
    preflight = {"Origin": ALLOWED, "Access_Control_Request_Method": "POST"}
    with nginx_for(tmp_path, upstream(*replicas)) as nginx:
        responses = [
            fetch(nginx.port, "OPTIONS", "/graphql", None, **preflight)[0],
            fetch(nginx.port, "POST", "/graphql", QUERY, **sent)[0],
            fetch(nginx.port, "POST", "/graphql", b" " * 110_000, **sent)[0],
            fetch(nginx.port, "GET", "/schema.graphql", Origin=ALLOWED)[0],
        ]
    assert [each.status for each in responses] == [200, 200, 413, 200]
    for each in responses:
        assert each.headers["Access-Control-Allow-Origin"] == ALLOWED
        assert "X-Request-ID" in each.headers["Access-Control-Expose-Headers"]
        assert "origin" in ", ".join(each.headers.get_all("Vary", [])).lower()
    assert responses[0].headers["Access-Control-Max-Age"] == "7200"


def test_concurrent_requests_per_address_are_limited(
    replicas: tuple[Replica, Replica], tmp_path: Path
) -> None:
    with (
        nginx_for(tmp_path, upstream(*replicas), ROSTER_MAX_PER_ADDRESS="3") as nginx,
        ExitStack() as silent,
    ):
        for _number in range(3):
            connection = silent.enter_context(socket.create_connection((HOST, nginx.port)))
            connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        wait_until(lambda: fetch(nginx.port, "GET", "/livez")[0].status == 429, "refused")
        response, body = fetch(nginx.port, "GET", "/livez")
        silent.close()
        wait_until(lambda: fetch(nginx.port, "GET", "/livez")[0].status == 200, "served")
    assert (response.status, response.headers["Retry-After"]) == (429, "1")
    extensions = json.loads(body)["errors"][0]["extensions"]
    assert extensions == {"code": "RATE_LIMITED", "retryAfter": 1}


# Compression -----------------------------------------------------------------------------

PAGE = "{ users(first: 50) { nodes { id username email } } }"


@pytest.fixture
def replica_of_tests(transactional_db: None, tmp_path: Path) -> Iterator[Replica]:
    """A replica that reads what the test writes."""
    log = tmp_path / "gunicorn.log"
    replica = Replica.on_test_database(log, PUBLIC_URL=settings.PUBLIC_URL)
    replica.start()
    replica.wait_until_ready()
    yield replica
    assert replica.stop() == 0


def unzipped(found: tuple[HTTPResponse, bytes]) -> Any:
    """Return the JSON of a compressed answer."""
    response, body = found
    assert response.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in ", ".join(response.headers.get_all("Vary", []))
    plain = gzip.decompress(body)
    assert len(body) < len(plain) / 2
    return json.loads(plain)


def test_answers_are_compressed_unless_they_may_have_secrets(
    replica_of_tests: Replica, tmp_path: Path
) -> None:
    users = [make_user(f"user{number}") for number in range(50)]
    viewer = {"Authorization": f"Bearer {make_token(make_user('root', is_staff=True))}"}
    cookie = {"Cookie": f"{settings.SESSION_COOKIE}={make_cookie_session(users[0])}"}
    accepted = {"Accept_Encoding": "gzip, br", "Content_Type": "application/json"}
    # Long enough to be compressed.
    login = f'{"a" * 2_000}: logIn(input: {{login: "user1", password: "{PASSWORD}"}})'
    mutation = f"mutation {{ {login} {{ accessToken refreshToken errors {{ code }} }} }}"
    page = json.dumps({"query": PAGE}).encode()
    introspection = json.dumps({"query": "{ __schema { types { name description } } }"}).encode()
    me = f"{{ {'a' * 2_000}: me {{ username }} }}"
    url = f"/graphql?{urlencode({'query': me})}"
    with nginx_for(tmp_path, upstream(replica_of_tests)) as nginx:

        def ask(body: bytes, **headers: str) -> tuple[HTTPResponse, bytes]:
            return fetch(nginx.port, "POST", "/graphql", body, **accepted | headers)

        def read(path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
            return fetch(nginx.port, "GET", path, None, **accepted | headers)

        for media_type in ("application/json", "application/graphql-response+json"):
            answer = unzipped(ask(page, Accept=media_type, **viewer))
            assert len(answer["data"]["users"]["nodes"]) == 50
        response, body = ask(json.dumps({"query": mutation}).encode())
        (payload,) = json.loads(body)["data"].values()
        assert payload["accessToken"]
        assert response.headers["Content-Encoding"] == "identity"
        # A link of another site can make the browser send a query with the cookie.
        response, body = ask(introspection, **cookie)
        assert response.headers["Content-Encoding"] == "identity"
        assert json.loads(body) == unzipped(
            ask(introspection, **cookie, Sec_Fetch_Site="same-origin")
        )
        # Revalidation compares weakly, so that encodings share an entity tag.
        first = read(url, **viewer)
        assert [*unzipped(first)["data"].values()] == [{"username": "root"}]
        etag = first[0].headers["ETag"]
        again, body = read(url, If_None_Match=etag, **viewer)
        assert (again.status, body, again.headers["ETag"]) == (304, b"", etag)
        schema, body = read("/schema.graphql")
        assert schema.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(body) == (ROOT / "schema.graphql").read_bytes()
        again, _body = read("/schema.graphql", If_None_Match=schema.headers["ETag"])
        assert again.status == 304


class Echo(BaseHTTPRequestHandler):
    """A replica that returns the request's header fields."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
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


def test_pages_are_not_compressed(echo: str, tmp_path: Path) -> None:
    """They may have tokens, and what an attacker wrote."""
    headers = {"Accept_Encoding": "gzip", "X_Long": "a" * 2_000}
    paths = (
        "/graphql?query={me{id}}",
        "/schema.graphql",
        "/",
        "/admin/",
        "/graphql/x",
        "/x/graphql",
    )
    with nginx_for(tmp_path, echo) as nginx:
        found = [fetch(nginx.port, "GET", path, None, **headers)[0] for path in paths]
    assert [each.headers["Content-Encoding"] for each in found] == ["gzip", "gzip", *4 * [None]]


@pytest.mark.parametrize(
    ("trusted_proxy", "address", "scheme"),
    [(ELSEWHERE, HOST, "http"), (HOST, "203.0.113.9", "https")],
)
def test_client_cannot_spoof_forwarded_headers(
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


def test_nginx_errors_are_json(echo: str, tmp_path: Path) -> None:
    unused = f"server {HOST}:{free_port()} max_fails=0;"
    with nginx_for(tmp_path, unused) as nginx:
        too_large = fetch(nginx.port, "POST", "/graphql", b" " * 7_000_000)
        page, text = fetch(nginx.port, "POST", "/admin/imports/", b" " * 7_000_000)
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
    # A browser shows this one, and follows it to a page of the admin.
    assert (page.status, page.headers["Content-Type"]) == (413, "text/html; charset=utf-8")
    assert b"url=/admin/too-large/" in text
    codes = [error["extensions"]["code"] for _status, _kind, error in answers]
    assert codes == ["BODY_TOO_LARGE", "UNAVAILABLE"]
    ids = [response.headers["X-Request-ID"] for response, _body in (too_large, unavailable)]
    # The line of the large body may be written last: NGINX discards the rest of it first.
    assert set(ids) <= {line["request_id"] for line in nginx.log}
    assert recovered.status == 200
    assert "confidential" not in nginx.output
