"""The HTTP client against certificates and handshakes."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.receivers import Authority, Receiver, receiving, serving, trusting
from tests.support.webhooks import send


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """An authority that the service trusts, as an operator adds one."""
    authority = Authority.create(tmp_path)
    with trusting(authority, monkeypatch):
        yield authority


def test_certificates_of_the_name_are_accepted(
    local_receivers: None, authority: Authority, names: dict[str, list[list[str]]]
) -> None:
    names["receiver.example"] = [["127.0.0.1"]]
    with receiving(tls=authority.server_context("receiver.example")) as receiver:
        assert send(receiver.url("receiver.example", scheme="https")).status_code == 200
    assert len(receiver.requests) == 1


def test_certificates_of_another_name_are_refused(
    local_receivers: None, authority: Authority, names: dict[str, list[list[str]]]
) -> None:
    """The address is checked and the name verified: one does not replace the other."""
    names["receiver.example"] = [["127.0.0.1"]]
    with receiving(tls=authority.server_context("other.example", "127.0.0.1")) as receiver:
        assert send(receiver.url("receiver.example", scheme="https")).error == "TLS_FAILED"
    assert receiver.requests == []


def test_certificates_of_unknown_authorities_are_refused(
    local_receivers: None, authority: Authority, names: dict[str, list[list[str]]], tmp_path: Path
) -> None:
    names["receiver.example"] = [["127.0.0.1"]]
    (tmp_path / "unknown").mkdir()
    unknown = Authority.create(tmp_path / "unknown")
    with receiving(tls=unknown.server_context("receiver.example")) as receiver:
        assert send(receiver.url("receiver.example", scheme="https")).error == "TLS_FAILED"
    assert receiver.requests == []


def test_receivers_without_tls_are_refused(receiver: Receiver) -> None:
    assert send(receiver.url(scheme="https")).error == "TLS_FAILED"
    assert receiver.requests == []


def test_slow_handshakes_are_left(local_receivers: None, impatient: None) -> None:
    def serve(connection: socket.socket) -> None:
        # The header of a record of 16 kB, which then drips.
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while True:
            time.sleep(0.05)
            connection.sendall(b"\x02")

    with serving(serve) as url:
        assert send(url.replace("http:", "https:")).error == "TIMED_OUT"
