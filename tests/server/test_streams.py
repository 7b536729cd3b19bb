"""The worker parses byte streams like gunicorn's own worker, gthread."""

import os
from collections.abc import Iterator

import pytest

from core.server.requests import PIPELINED, Limits, Peer, RequestParser
from tests.server.servers import ECHO, Server, serving
from tests.server.streams import (
    DIFFERENT,
    NEXT,
    STREAMS,
    Seen,
    answers,
    exchange,
    generate_stream,
    pieces,
)

DRAWN = int(os.environ.get("STREAMS", "1000"))
KNOWN = STREAMS | {name: stream for name, (stream, _statuses) in DIFFERENT.items()}


@pytest.fixture(scope="module")
def worker() -> Iterator[Server]:
    with serving("", ECHO, WEB_ACCESS_LOG="0") as server:
        yield server


@pytest.fixture(scope="module")
def gthread() -> Iterator[Server]:
    with serving("", ECHO, WEB_ACCESS_LOG="0", WEB_WORKER="gthread", WEB_THREADS="8") as server:
        yield server


def test_streams_are_read_as_gunicorn_reads_them(worker: Server, gthread: Server) -> None:
    streams = [[stream] for stream in STREAMS.values()]
    ours = map(answers, exchange(worker.port, streams))
    theirs = map(answers, exchange(gthread.port, streams))
    assert dict(zip(STREAMS, ours, strict=True)) == dict(zip(STREAMS, theirs, strict=True))


def test_differences_from_gthread_are_listed(worker: Server) -> None:
    found = exchange(worker.port, [[stream] for stream, _statuses in DIFFERENT.values()])
    statuses = [[answer.status for answer in answers(data)] for data in found]
    assert dict(zip(DIFFERENT, statuses, strict=True)) == {
        name: expected for name, (_stream, expected) in DIFFERENT.items()
    }


def test_stream_boundaries_do_not_matter_over_a_socket(worker: Server) -> None:
    streams = list(KNOWN.values())
    cuts = [[len(stream) // 2] for stream in streams] + [
        [len(stream) // 3, len(stream) - 2] for stream in streams
    ]
    whole = [answers(data) for data in exchange(worker.port, [[each] for each in streams])]
    cut = exchange(
        worker.port,
        [pieces(each, places) for each, places in zip(streams * 2, cuts, strict=True)],
    )
    assert [answers(data) for data in cut] == whole * 2


def test_requests_wait_for_earlier_answers(worker: Server) -> None:
    [data] = exchange(worker.port, [[(PIPELINED + 8) * NEXT]])
    assert [answer.status for answer in answers(data)] == [*(PIPELINED * [200]), 429]


def is_equally_safe(ours: list[Seen], theirs: list[Seen]) -> bool:
    """Return whether the application received a prefix of the requests that gthread's did."""
    for number, answer in enumerate(ours):
        if answer.is_refusal:
            return True
        if number >= len(theirs) or answer.request != theirs[number].request:
            return False
        if answer.is_kept != theirs[number].is_kept:
            # One of them closes: `close` among other options, or HTTP/1.0.
            return True
    return True


def test_no_request_is_accepted_that_gunicorn_refuses(worker: Server, gthread: Server) -> None:
    # llhttp accepts a lone LF as a blank line before a request; gunicorn refuses it.
    streams = [
        stream
        for stream in map(generate_stream, range(DRAWN))
        if b"\r\n\n" not in stream and not stream.startswith(b"\n")
    ]
    assert len(streams) > 0.9 * DRAWN
    ours = exchange(worker.port, [[stream] for stream in streams])
    theirs = exchange(gthread.port, [[stream] for stream in streams])
    unsafe = [
        (stream, answers(our), answers(their))
        for stream, our, their in zip(streams, ours, theirs, strict=True)
        if not is_equally_safe(answers(our), answers(their))
    ]
    assert not unsafe
    accepted = sum(not answer.is_refusal for data in ours for answer in answers(data))
    assert accepted > DRAWN / 2


def parsed(*parts: bytes) -> tuple[list[tuple[object, ...]], str | None]:
    """Parse a stream's parts; return the requests and the refusal."""
    parser = RequestParser(
        Peer({}, (("HTTP_X_FORWARDED_PROTO", "https"),)), Limits(8_190, 100, 8_190, 1_000)
    )
    for part in parts:
        parser.feed(part)
        if parser.refusal or (parser.requests and not parser.requests[-1].keeps_alive):
            break
    requests: list[tuple[object, ...]] = [
        (
            {key: value for key, value in request.environ.items() if key != "wsgi.input"},
            request.environ["wsgi.input"].read(),
            request.keeps_alive,
        )
        for request in parser.requests
    ]
    refusal = f"{parser.refusal.status} {parser.refusal}" if parser.refusal else None
    parser.close()
    return requests, refusal


@pytest.mark.parametrize("name", KNOWN)
def test_stream_boundaries_do_not_matter(name: str) -> None:
    stream = KNOWN[name]
    whole = parsed(stream)
    for place in range(1, len(stream), 1 if len(stream) < 1_000 else 97):
        assert parsed(*pieces(stream, [place])) == whole, place
    assert parsed(*(stream[place : place + 1] for place in range(len(stream)))) == whole


def test_mail_encoded_parameters_are_refused() -> None:
    """Django's request raises for a charset that Python does not know (RFC 2231)."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json; a*=bogus''%41\r\n\r\n"
    assert parsed(head) == ([], "400 The header Content-Type is not valid.")
