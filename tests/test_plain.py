"""Plain requests, which are read here as gunicorn reads them, or left to it."""

import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.http.parser import RequestParser  # type: ignore[import-untyped]
from gunicorn.http.wsgi import create  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.plain import MAX_HEAD, PlainParser
from tests.test_worker import Server, serving

CLIENT, SERVER = ("127.0.0.1", 40_000), ("127.0.0.1", 8_000)
FIRST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n\r\n"
ORDINARY = (
    b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n"
    b"Content-Type: application/json\r\nContent-Length: 4\r\n\r\nbody"
)
OF_THE_OBJECT = {"wsgi.input", "wsgi.errors", "wsgi.early_hints", "gunicorn.socket"}
LINES = [
    b"Host: localhost",
    b"Host: localhost:8000",
    b"host: other",
    b"Content-Type: application/json",
    b"Content-Length: 4",
    b"Content-Length: 04",
    b"Content-Length: +4",
    b"Content-Length: 5",
    b"content-length : 4",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Proto: http",
    b"X_Forwarded_Proto: https",
    b"X-Forwarded-For: 10.0.0.1, 10.0.0.2",
    b"Connection: keep-alive",
    b"Connection: Keep-Alive",
    b"Connection: close",
    b"Connection: upgrade",
    b"Upgrade: h2c",
    b"Transfer-Encoding: chunked",
    b"TE: trailers",
    b"Expect: 100-continue",
    b"Expect: else",
    b"Authorization: Bearer  a.b-c ",
    b"Cookie: a=1; b=2",
    b"Cookie: c=3",
    b"Accept:",
    b"Accept: \t text/html\t",
    b"Accept: a\rb",
    b"Accept: a\nHost: b",
    b"Accept: a\x00b",
    b"Name: J\xfcrgen \xa0",
    b"N\xe4me: value",
    b"SCRIPT_NAME: /x",
    b"Script-Name: /x",
    b" folded: line",
    b"no colon",
    b"nocolon",
    b": no name",
    b"",
]
LINE = st.sampled_from(LINES) | st.binary(max_size=12)
REQUEST_LINE = st.sampled_from(
    [
        *[b"POST /graphql HTTP/1.1"] * 6,
        b"POST /graphql HTTP/1.0",
        b"GET /graphql HTTP/1.1",
        b"POST /graphql?a=b HTTP/1.1",
        b"POST http://localhost/graphql HTTP/1.1",
        b"post /graphql HTTP/1.1",
        b"",
    ]
)
END = st.sampled_from([*[b"\r\n"] * 9, b"\n", b"\r"])
BODY = st.sampled_from([*[b"body"] * 6, b"", b"bodybody", b"body" + FIRST, b"bo\r\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Mostly what a client sends, and now and then what none should."""
    usual = [b"Host: localhost", b"X-Forwarded-Proto: https", b"Content-Length: 4"]
    lines = draw(st.permutations(usual)) + draw(st.lists(LINE, max_size=4))
    if draw(st.integers(0, 4)) == 0:
        lines.pop(draw(st.integers(0, len(lines) - 1)))
    end = draw(END)
    return end.join([draw(REQUEST_LINE), *lines, b"", draw(BODY)])


def by_gunicorn(data: bytes) -> tuple[Any, dict[str, Any], Any]:
    """Return what gunicorn makes of the data: its parser, its environment and its request."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        config = Config()
        parser = RequestParser(config, ours, CLIENT)
        request = next(parser)
        _response, environ = create(request, ours, CLIENT, SERVER, config)
        environ["wsgi.multithread"] = True
        environ["body"] = environ["wsgi.input"].read()
        environ["rest"] = parser.unreader.read()
    return parser, environ, request


@pytest.fixture(scope="module")
def parser() -> PlainParser:
    gunicorns, environ, _request = by_gunicorn(FIRST)
    del environ["body"], environ["rest"]
    return PlainParser(gunicorns, environ, Config().secure_scheme_headers)


@settings(max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
@given(data=requests())
def test_a_request_that_is_read_here_is_read_as_gunicorn_would(
    parser: PlainParser, data: bytes
) -> None:
    environ = parser.environ(data)
    if environ is None:
        return
    _parser, expected, request = by_gunicorn(data)
    assert environ["wsgi.input"].read() == expected.pop("body")
    assert expected.pop("rest") == b""
    assert not request.should_close()
    for name in OF_THE_OBJECT:
        environ.pop(name, None), expected.pop(name, None)
    assert environ == expected


@pytest.mark.parametrize(
    "line",
    [
        b"Connection: keep-alive",
        b"Cookie: a=1; b=2",
        b"Authorization: Bearer a.b-c",
        b"Accept: */*",
        b"X-Forwarded-For: 10.0.0.1, 10.0.0.2",
        b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b'sec-ch-ua: "Chromium";v="1"',
    ],
)
def test_what_clients_send_is_plain(parser: PlainParser, line: bytes) -> None:
    assert parser.environ(ORDINARY.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n")) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ORDINARY[:40],
        ORDINARY[:-1],
        ORDINARY + b"POST /graphql",
        ORDINARY.replace(b"/graphql", b"/admin/"),
        ORDINARY.replace(b"https", b"http"),
        ORDINARY.replace(b"X-Forwarded-Proto: https\r\n", b""),
        ORDINARY.replace(b"Host", b"Cookie"),
        ORDINARY.replace(b"localhost", b"x" * MAX_HEAD),
        ORDINARY.replace(b"Content-Length: 4", b"Content-Length: 4\r\nTransfer-Encoding: chunked"),
        ORDINARY.replace(b"Content-Length: 4", b"Content-Length: 4\r\nContent-Length: 4"),
        ORDINARY.replace(b"Content-Length: 4", b"Content-Length: 4\r\nExpect: 100-continue"),
        ORDINARY.replace(b"Content-Length: 4", b"Content-Length: 4\r\nConnection: close"),
        ORDINARY.replace(b"Content-Length: 4", b"Content-Length: 4\r\nX_Y: z"),
    ],
)
def test_what_takes_thought_is_left_to_gunicorn(parser: PlainParser, data: bytes) -> None:
    assert parser.environ(data) is None


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--threads 2") as server:
        yield server


def operation(connection: HTTPConnection, **headers: str) -> tuple[dict[str, str], bytes]:
    """Ask something, and return the answer's headers and body."""
    headers = {"Host": "localhost", "Content-Type": "application/json", **headers}
    connection.request("POST", "/graphql", b'{"query": "{ __typename }"}', headers)
    response = connection.getresponse()
    assert response.status == 200
    return dict(response.getheaders()), response.read()


def test_the_answer_is_the_same(server: Server) -> None:
    connection = server.connect()
    first, *others = [operation(connection) for _number in range(4)]
    left_to_gunicorn = operation(connection, X_Y="z")
    assert first[1] == b'{"data":{"__typename":"Query"}}'
    for headers, body in [*others, left_to_gunicorn]:
        assert body == first[1]
        assert headers | {"Date": ""} == first[0] | {"Date": ""}


def test_plain_requests_and_others_take_turns(server: Server) -> None:
    connection = server.connect()
    for _number in range(3):
        operation(connection)
        connection.request("GET", "/livez")
        assert connection.getresponse().read() == b"ok\n"
        operation(connection)


def test_a_request_in_pieces_and_two_at_once_are_answered(server: Server) -> None:
    connection = server.connect()
    operation(connection)
    body = b'{"query": "{ __typename }"}'
    head = (
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    for pieces in ([head[:30], head[30:], body], [head + body + head, body], [2 * (head + body)]):
        for piece in pieces:
            connection.sock.sendall(piece)
        expected = sum(piece.count(body) for piece in pieces)
        answers = b""
        while answers.count(b"__typename") < expected:
            answers += connection.sock.recv(10_000)
        assert answers.count(b"HTTP/1.1 200 OK") == expected


def test_an_unknown_host_is_refused(server: Server) -> None:
    connection = server.connect()
    operation(connection)
    connection.request("POST", "/graphql", b"{}", {"Host": "elsewhere"})
    response = connection.getresponse()
    assert response.status == 400
    assert int(response.getheader("Content-Length") or 0) == len(response.read())
    operation(connection)


def test_a_worker_that_answered_its_share_ends() -> None:
    with serving("--threads 2 --max-requests 3") as server:
        connection = server.connect()
        kept = [operation(connection)[0]["Connection"] for _number in range(3)]
        assert kept == ["keep-alive", "keep-alive", "close"]


def test_operations_are_in_the_access_log(tmp_path: Any) -> None:
    log = tmp_path / "access.log"
    with serving(f"--threads 2 --access-logfile {log}") as server:
        connection = server.connect()
        for number in range(3):
            operation(connection, **{"X-Request-ID": f"number-{number}"})
    lines = log.read_text().splitlines()
    assert [line.split()[2] for line in lines] == ["number-0", "number-1", "number-2"]
    assert all('"POST /graphql HTTP/1.1" 200 31' in line for line in lines)
