"""Receivers on this machine, to which webhooks may be sent here, and their names."""

import socket
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from tests.support.receivers import Receiver, receiving
from users.webhooks import client


@pytest.fixture
def local_receivers(settings: Any) -> None:
    settings.WEBHOOK_SCHEMES = ["https", "http"]
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver(local_receivers: None) -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up after a second."""
    monkeypatch.setattr(client, "TOTAL_SECONDS", 1.0)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Return the addresses of names, which the test sets: a list for each look-up."""
    known: dict[str, list[list[str]]] = {}
    getaddrinfo = socket.getaddrinfo

    def look_up(host: str, port: int, *arguments: Any, **options: Any) -> Any:
        if host not in known:
            return getaddrinfo(host, port, *arguments, **options)
        addresses = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        return [entry for each in addresses for entry in getaddrinfo(each, port, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known
