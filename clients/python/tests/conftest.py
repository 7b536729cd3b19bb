"""Fixtures: the service, and clients of both kinds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service import KINDS, Clients, Service


@pytest.fixture(scope="session")
def service() -> Service:
    return Service.described()


@pytest.fixture(params=KINDS)
def clients(request: pytest.FixtureRequest, service: Service) -> Iterator[Clients]:
    clients = Clients(request.param, service)
    yield clients
    clients.close()


@pytest.fixture
def sync_clients(service: Service) -> Iterator[Clients]:
    clients = Clients("sync", service)
    yield clients
    clients.close()
