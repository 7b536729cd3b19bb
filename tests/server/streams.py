"""Byte streams of clients, proxies and attackers, and the parsing of responses."""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from io import BytesIO
from itertools import pairwise
from random import Random
from typing import Any, cast

from tests.server.servers import HOST, PATIENCE

PAUSE = 0.05
AT_ONCE = 100

HOST_FIELD = b"Host: localhost\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n"


def get(*fields: bytes, target: bytes = b"/a?b=c", version: bytes = b"HTTP/1.1") -> bytes:
    head = b"".join(field + b"\r\n" for field in fields)
    return b"GET " + target + b" " + version + b"\r\n" + HOST_FIELD + head + b"\r\n"


def post(*fields: bytes, body: bytes = b"") -> bytes:
    head = b"".join(field + b"\r\n" for field in fields)
    return b"POST /graphql HTTP/1.1\r\n" + HOST_FIELD + head + b"\r\n" + body


def sized(body: bytes, *fields: bytes) -> bytes:
    return post(*fields, b"Content-Length: %d" % len(body), body=body)


def chunked(body: bytes, *fields: bytes) -> bytes:
    return post(*fields, b"Transfer-Encoding: chunked", body=body)


CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"

# Both servers respond alike, and the application receives the same requests.
STREAMS = {
    "a GET": get(),
    "a body": sized(b"abcdef", b"Content-Type: application/json"),
    "an empty body": sized(b""),
    "no length": post(),
    "a length of 0 and a body": post(b"Content-Length: 0", body=b"") + NEXT,
    "two requests": get() + NEXT,
    "four requests": get() + sized(b"abc") + sized(b"") + NEXT,
    "a truncated request line": b"GET /a HT",
    "a truncated head": b"GET /a HTTP/1.1\r\nHost: localhost\r\nX-Pad: aa",
    "a head without its blank line": b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n",
    "a request behind a head without its blank line": (
        b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX-Pad: aaaa" + NEXT
    ),
    "a length twice": post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"),
    "two lengths": post(b"Content-Length: 3", b"Content-Length: 4", body=b"abcd"),
    "a list of lengths": post(b"Content-Length: 3, 3", body=b"abc"),
    "a length with a plus": post(b"Content-Length: +3", body=b"abc"),
    "a length with a minus": post(b"Content-Length: -3", body=b"abc"),
    "a length with a space before": post(b"Content-Length:  3", body=b"abc") + NEXT,
    "a length with a space behind": post(b"Content-Length: 3 ", body=b"abc") + NEXT,
    "a length with a space within": post(b"Content-Length: 1 1", body=b"abc"),
    "a length with an underscore": post(b"Content-Length: 1_1", body=b"abc"),
    "a hexadecimal length": post(b"Content-Length: 0x3", body=b"abc"),
    "a length that is empty": post(b"Content-Length:", body=b"abc"),
    "a length and chunks": chunked(CHUNKS, b"Content-Length: 3"),
    "chunks": chunked(CHUNKS) + NEXT,
    "chunks with extensions": chunked(b'3;a=b;c="d;e"\r\nabc\r\n0;f\r\n\r\n') + NEXT,
    "chunks with a trailer": chunked(b"3\r\nabc\r\n0\r\nX-Trailer: a\r\n\r\n") + NEXT,
    "chunks of capital digits": chunked(b"A\r\n0123456789\r\n0\r\n\r\n") + NEXT,
    "chunks of leading zeros": chunked(b"0003\r\nabc\r\n000\r\n\r\n") + NEXT,
    "chunks in other letters": post(b"Transfer-Encoding: Chunked", body=CHUNKS) + NEXT,
    "truncated chunks": chunked(b"3\r\nab"),
    "chunks without an end": chunked(b"3\r\nabc\r\n"),
    "a chunk that is too long": chunked(b"3\r\nabcd\r\n0\r\n\r\n"),
    "a chunk of no size": chunked(b"\r\nabc\r\n0\r\n\r\n"),
    "a chunk of negative size": chunked(b"-3\r\nabc\r\n0\r\n\r\n"),
    "a chunk of hexadecimal size": chunked(b"0x3\r\nabc\r\n0\r\n\r\n"),
    "chunks twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNKS),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", body=CHUNKS),
    "a coding behind chunks": post(b"Transfer-Encoding: chunked, identity", body=CHUNKS),
    "chunks of HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "an expectation": sized(b"abc", b"Expect: 100-continue") + NEXT,
    "an expectation in capitals": sized(b"abc", b"Expect: 100-Continue") + NEXT,
    "another expectation": sized(b"abc", b"Expect: a miracle"),
    "an upgrade": get(b"Connection: Upgrade", b"Upgrade: websocket") + NEXT,
    "an upgrade to HTTP/2": get(
        b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"
    )
    + NEXT,
    "an upgrade with a body": sized(b"abc", b"Connection: Upgrade", b"Upgrade: websocket") + NEXT,
    "a folded value": get(b"X-A: a\r\n b"),
    "a folded value that begins empty": get(b"X-A:\r\n b"),
    "a space before a colon": get(b"X-A : a"),
    "no colon": get(b"X-A"),
    "no name": get(b": a"),
    "a name with a space": get(b"X A: a"),
    "a name beyond ASCII": get(b"X-\xe9: a"),
    "a value of Latin-1": get(b"X-A: \xe9"),
    "a value with a tab": get(b"X-A: a\tb"),
    "a value with NUL": get(b"X-A: a\0b"),
    "a value with DEL": get(b"X-A: a\x7fb"),
    "a value with a bare CR": get(b"X-A: a\rb"),
    "a value with a bare LF": get(b"X-A: a\nX-B: b"),
    "an empty value": get(b"X-A:"),
    "a value in spaces": get(b"X-A: \t a \t "),
    "a name with an underscore": get(b"X_Forwarded_For: a", b"X-A: b"),
    "a field twice": get(b"X-A: a", b"x-a: b"),
    "two hosts": get(b"Host: elsewhere"),
    "two content types": sized(b"{}", b"Content-Type: a/b", b"Content-Type: c/d"),
    "lines that end in LF": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "an absolute URL": get(target=b"http://localhost/a?b") + NEXT,
    "an escaped path": get(target=b"/%61%2F%E9?%61") + NEXT,
    "a path of two slashes": get(target=b"//a/b") + NEXT,
    "a question mark alone": get(target=b"/?") + NEXT,
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "an asterisk with GET": get(target=b"*"),
    "an authority": get(target=b"localhost:80"),
    "a target beyond ASCII": get(target=b"/\xe9"),
    "no version": b"GET /\r\n\r\n",
    "HTTP/1.0": get(version=b"HTTP/1.0") + NEXT,
    "HTTP/1.0 that is kept": get(b"Connection: keep-alive", version=b"HTTP/1.0") + NEXT,
    "a close": get(b"Connection: close") + NEXT,
    "a close in capitals": get(b"Connection: Close") + NEXT,
    "HEAD": b"HEAD /a HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT,
    "a long URL": get(target=b"/" + b"a" * 9_000),
    "a long value": get(b"X-A: " + b"a" * 9_000),
    "200 headers": get(*(b"X-%d: a" % number for number in range(200))),
    "https": get(b"X-Forwarded-Proto: https") + NEXT,
    "https and http": get(b"X-Forwarded-Proto: https", b"X-Forwarded-Proto: http"),
    "a blank line before a request": b"\r\n" + get(),
}

# Streams on which the worker differs from gthread, with the worker's statuses.
DIFFERENT = {
    # gthread calls the application with the partial body.
    "a truncated body": (post(b"Content-Length: 10", body=b"abc"), []),
    # gthread sends nothing, because it has already called the application.
    "chunks with bare line feeds": (chunked(b"3\nabc\n0\n\n"), [400]),
    # RFC 9110, section 7.6.1: `close` among other options closes the connection.
    "a close among others": (get(b"Connection: keep-alive, close") + NEXT, [200]),
    # gthread waits for the end of the line.
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
    "garbage behind a request": (get() + b"\x16\x03\x01", [200, 400]),
    # RFC 9112, section 3.2: must be refused.
    "no host": (b"GET / HTTP/1.1\r\n\r\n" + NEXT, [400]),
    "another host in the URL": (get(target=b"http://elsewhere/"), [400]),
    "a fragment": (get(target=b"/a#b"), [400]),
    # RFC 9110, section 5.3: must not be repeated.
    "two credentials": (get(b"Authorization: Bearer a", b"Authorization: Bearer b"), [400]),
    "two schemes": (get(b"X-Forwarded-Proto: https", b"X-Forwarded-Proto: https"), [400]),
    # RFC 9112, section 6.1: an unsupported encoding.
    "compressed chunks": (post(b"Transfer-Encoding: gzip, chunked", body=CHUNKS), [501]),
    "a coding that is no chunking": (post(b"Transfer-Encoding: identity", body=b"abc"), [501]),
    "a tunnel": (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT, [501]),
    "an unknown method": (b"FROB / HTTP/1.1\r\nHost: localhost\r\n\r\n" + NEXT, [400]),
    "an unknown version": (get(version=b"HTTP/1.5"), [400]),
    # Not allowed in trailers (RFC 9110, section 6.5.1): gthread refuses them, the worker ignores
    # them.
    "a trailer with credentials": (
        chunked(b"3\r\nabc\r\n0\r\nAuthorization: Bearer a\r\n\r\n") + NEXT,
        [200, 200],
    ),
    "heads beyond all bounds": (get(*(b"X-%d: %s" % (n, b"a" * 8_000) for n in range(20))), [431]),
}


@dataclass(frozen=True)
class Seen:
    """A response: its status, whether it keeps the connection, and the request received."""

    status: int
    is_kept: bool
    request: Any

    @property
    def is_refusal(self) -> bool:
        return self.status >= 400


class _Bytes:
    """A fake socket from which http.client reads responses."""

    def __init__(self, file: BytesIO) -> None:
        self.file = file

    def makefile(self, _mode: str) -> BytesIO:
        self.file.close = lambda: None  # type: ignore[method-assign]
        return self.file


def answers(data: bytes) -> list[Seen]:
    """Parse the responses of a connection; fail on an incomplete one."""
    file, found = BytesIO(data), []
    while file.tell() < len(data):
        response = HTTPResponse(cast("socket.socket", _Bytes(file)))
        response.begin()
        rest = data[file.tell() :]
        # A response to HEAD has a length and no body.
        has_body = bool(rest) and not rest.startswith(b"HTTP/1.")
        body = response.read() if has_body else b""
        request = json.loads(body) if response.status == 200 and body else None
        kept = (response.getheader("Connection") or "").lower() == "keep-alive"
        found.append(Seen(response.status, kept, request))
    return found


def pieces(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """Split a stream at these offsets."""
    edges = [0, *places, len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def exchange(port: int, streams: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Send each stream in pieces on a new connection; return the bytes received."""
    found: list[bytes] = []
    for start in range(0, len(streams), AT_ONCE):
        found += _exchange(port, streams[start : start + AT_ONCE])
    return found


def _exchange(port: int, streams: Sequence[Sequence[bytes]]) -> Iterator[bytes]:
    connections = [socket.create_connection((HOST, port), PATIENCE) for _stream in streams]
    for number in range(max(len(stream) for stream in streams)):
        if number:
            time.sleep(PAUSE)
        for connection, stream in zip(connections, streams, strict=True):
            if number < len(stream):
                # The server may have refused the stream and closed the connection.
                _try_to_send(connection, stream[number])
    for connection in connections:
        _try_to_end(connection)
    return iter([read_all(connection) for connection in connections])


def _try_to_send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return


def _try_to_end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return


def read_all(connection: socket.socket) -> bytes:
    """Read until the end or a reset of the connection, and close it."""
    data = b""
    with connection:
        try:
            while more := connection.recv(65_536):
                data += more
        except ConnectionResetError:
            return data
    return data


def generate_stream(seed: int) -> bytes:
    """Draw requests, and corrupt most of them in one or two places."""
    random = Random(seed)  # noqa: S311 - test data
    names = list(STREAMS)
    stream = b"".join(STREAMS[random.choice(names)] for _number in range(random.randint(1, 3)))
    spoilt = bytearray(stream)
    for _number in range(random.choice([0, 1, 1, 2])):
        place = random.randrange(len(spoilt))
        match random.choice(["change", "insert", "delete", "repeat"]):
            case "change":
                spoilt[place] = random.choice(b"\r\n \t:;,0123aAxX\0\x7f\xe9/?#%*-_")
            case "insert":
                spoilt.insert(place, random.choice(b"\r\n \t:;,0123aAxX\0\x7f\xe9/?#%*-_"))
            case "delete":
                del spoilt[place]
            case "repeat":
                spoilt[place:place] = spoilt[max(0, place - random.randint(1, 30)) : place]
    return bytes(spoilt)
