"""Targets of the audit trail that are slow, refuse, restart or are impostors."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from core.database.ids import new_id
from core.security.actor import Actor
from tests.support.receivers import Authority, Received, Receiver, receiving, serving, trusting
from tests.support.syslog import syslog_server
from users.activity import targets
from users.activity.models import AuditStream
from users.activity.services import stream
from users.activity.services.record import record
from users.activity.services.sealing import seal_all
from users.activity.services.stream import stream_delay, stream_events
from users.activity.tags import Tag
from users.activity.targets import TargetError, send_lines

pytestmark = pytest.mark.usefixtures("transactional_db")

CLIENT = Actor(ip="192.0.2.1", user_agent="Firefox")
# More than the buffers of a connection hold.
LARGE = [bytes(1_000_000)] * 20


def record_sealed(times: int = 1, **data: Any) -> None:
    for _number in range(times):
        record(Tag.LOGGED_IN, actor=CLIENT, subject_id=new_id(), **data)
    seal_all()


def lines_of(requests: list[Received]) -> list[dict[str, Any]]:
    return [json.loads(line) for request in requests for line in request.body.splitlines()]


def sequences(lines: list[dict[str, Any]]) -> list[int]:
    return [line["event"]["sequence"] for line in lines]


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [each for each in caplog.records if each.name == stream.logger.name]
    return [str(getattr(each, "error", each.getMessage())) for each in found]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up after a second."""
    monkeypatch.setattr(targets, "TOTAL_SECONDS", 1.0)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    authority = Authority.create(tmp_path)
    with trusting(authority, monkeypatch):
        yield authority


@pytest.fixture
def collector(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.AUDIT_STREAM_URL = receiver.url()
        yield receiver


# Slow ones -------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
def test_a_collector_that_answers_byte_by_byte_is_left(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            time.sleep(0.05)
            connection.sendall(b"x")

    record_sealed()
    with serving(serve) as settings.AUDIT_STREAM_URL:
        stream_events()
    assert warnings_of(caplog) == ["not within the time limit"]
    assert stream_delay() > 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("scheme", ["http", "syslog+tcp", "syslog+tls"])
def test_targets_that_read_slowly_are_left(authority: Authority, scheme: str) -> None:
    tls = authority.server_context("127.0.0.1")

    def serve(connection: socket.socket) -> None:
        is_tls = scheme == "syslog+tls"
        with tls.wrap_socket(connection, server_side=True) if is_tls else connection as slow:
            while slow.recv(1_000):
                time.sleep(0.05)

    with serving(serve) as url, pytest.raises(TargetError, match="not within the time limit"):
        send_lines(url.replace("http", scheme), "", LARGE)


# Batches that are too large --------------------------------------------------------------


def refuse_above(limit: int) -> Any:
    return lambda received: (413 if len(received.body) > limit else 200, {})


def accepted(collector: Receiver, limit: int) -> list[Received]:
    return [request for request in collector.requests if len(request.body) <= limit]


def test_a_batch_that_is_too_large_is_halved(collector: Receiver) -> None:
    record_sealed(20)
    collector.answer = refuse_above(2_500)
    stream_events()
    assert stream_delay() == 0
    assert sequences(lines_of(accepted(collector, 2_500))) == list(range(1, 21))
    # The smaller batch is kept, or each would be refused again.
    assert len(collector.requests) - len(accepted(collector, 2_500)) <= 3


def test_an_event_that_is_too_large_is_streamed_without_its_data(
    collector: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    record_sealed(5)
    record_sealed(method="x" * 10_000)
    record_sealed(5, method="password")
    collector.answer = refuse_above(9_000)
    counter = "audit_stream_truncated_events_total"
    before = REGISTRY.get_sample_value(counter) or 0
    stream_events()
    assert stream_delay() == 0
    lines = lines_of(accepted(collector, 9_000))
    assert sequences(lines) == list(range(1, 12))
    assert lines[5]["roster"] == {"truncated": True}
    assert lines[6]["roster"] == {"data": {"method": "password"}}
    assert warnings_of(caplog) == ["event streamed without its data"]
    assert (REGISTRY.get_sample_value(counter) or 0) == before + 1
    # The event was too large, not the batches.
    assert len(lines_of(collector.requests[-1:])) == 5


def test_a_collector_that_refuses_everything_as_too_large_is_tried_again_later(
    collector: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    record_sealed(8)
    collector.answer = refuse_above(0)
    stream_events()
    assert warnings_of(caplog) == ["status 413"]
    # 8, 4, 2 and one event, and that one without its data.
    assert len(collector.requests) == 5
    assert AuditStream.objects.get().sequence == 0
    collector.answer = refuse_above(100_000)
    stream_events()
    assert sequences(lines_of(collector.requests[5:])) == list(range(1, 9))


# Syslog over TLS -------------------------------------------------------------------------


def test_syslog_over_tls_gets_messages_in_order(settings: Any, authority: Authority) -> None:
    record_sealed(3)
    with syslog_server(authority.server_context("localhost")) as server:
        settings.AUDIT_STREAM_URL = f"syslog+tls://localhost:{server.port}"
        stream_events()
        record_sealed()
        # The server has closed the first connection.
        stream_events()
    assert sequences(server.lines) == [1, 2, 3, 4]


@pytest.mark.parametrize("problem", ["name", "authority"])
def test_syslog_servers_without_a_valid_certificate_get_nothing(
    settings: Any,
    authority: Authority,
    tmp_path: Path,
    problem: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "unknown").mkdir()
    issuer = authority if problem == "name" else Authority.create(tmp_path / "unknown")
    name = "other.example" if problem == "name" else "localhost"
    record_sealed()
    with syslog_server(issuer.server_context(name)) as server:
        settings.AUDIT_STREAM_URL = f"syslog+tls://localhost:{server.port}"
        stream_events()
    assert server.messages == []
    assert stream_delay() > 0
    (warning,) = warnings_of(caplog)
    assert "certificate verify failed" in warning


def test_no_event_is_lost_while_a_syslog_server_restarts(
    settings: Any, authority: Authority
) -> None:
    tls = authority.server_context("localhost")
    with syslog_server(tls) as server:
        settings.AUDIT_STREAM_URL = f"syslog+tls://localhost:{server.port}"
        record_sealed()
        stream_events()
    record_sealed()
    stream_events()
    assert stream_delay() > 0
    with syslog_server(tls, server.port) as again:
        stream_events()
    assert sequences(server.lines + again.lines) == [1, 2]


def test_a_server_that_says_goodbye_before_it_has_read_has_accepted_nothing(
    settings: Any, authority: Authority
) -> None:
    """As one that is shut down: its closure alert is there before the first message."""
    tls = authority.server_context("127.0.0.1")

    def serve(connection: socket.socket) -> None:
        connection.settimeout(30)
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = tls.wrap_bio(received, sent, server_side=True)
        while True:
            with suppress(ssl.SSLWantReadError):
                session.do_handshake()
                break
            connection.sendall(sent.read())
            received.write(connection.recv(65_536))
        with suppress(ssl.SSLWantReadError):
            session.unwrap()
        connection.sendall(sent.read())
        # What the client sends arrives, and is not read.
        connection.recv(1, socket.MSG_PEEK)

    record_sealed()
    with serving(serve) as url:
        settings.AUDIT_STREAM_URL = url.replace("http", "syslog+tls")
        stream_events()
    assert stream_delay() > 0
