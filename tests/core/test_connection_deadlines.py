"""A database that hangs: no request connects or waits for it after its deadline."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, ProgrammingError, connections

from core.database.replicas.connections import OpenConnections, ReplicaConnection
from core.server.metrics import exposition
from engine import deadline
from engine.deadline import Deadline, disconnect_overdue
from engine.internals.django import substituted_connection
from engine.sql.statements import Statement
from tests.server.servers import PATIENCE
from tests.support.database_proxies import DatabaseProxy, database_proxy
from tests.support.metrics import Samples
from tests.support.waiting import wait_until
from users.accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

# Longer than the tests wait for anything.
FOREVER = 600


@pytest.fixture
def proxy() -> Iterator[DatabaseProxy]:
    with database_proxy() as proxy:
        yield proxy


def parameters(proxy: DatabaseProxy) -> dict[str, Any]:
    """Return the settings of a connection through the proxy."""
    default: dict[str, Any] = connections.settings["default"]
    options = default["OPTIONS"] | {"connect_timeout": FOREVER}
    return default | {"HOST": "127.0.0.1", "PORT": proxy.port, "OPTIONS": options}


def primary(proxy: DatabaseProxy) -> Any:
    on: Any = connections.create_connection("default")
    on.settings_dict = parameters(proxy)
    return on


def replica(proxy: DatabaseProxy) -> Any:
    return ReplicaConnection(parameters(proxy), OpenConnections())


@contextmanager
def connected(on: Any) -> Iterator[Any]:
    """Have this thread use a connection within the block."""
    try:
        with substituted_connection(on):
            yield on
    finally:
        on.close()


@pytest.mark.parametrize("create", [primary, replica])
def test_nothing_connects_after_the_deadline(
    proxy: DatabaseProxy, create: Callable[[DatabaseProxy], Any]
) -> None:
    with connected(create(proxy)) as on, Deadline(0, 5):
        for connect in (on.ensure_connection, on.cursor, lambda: on.set_autocommit(False)):
            with pytest.raises(OperationalError, match="no time is left"):
                connect()
        assert on.connection is None


@pytest.mark.parametrize("create", [primary, replica])
def test_an_attempt_to_connect_ends_with_the_deadline(
    proxy: DatabaseProxy, create: Callable[[DatabaseProxy], Any]
) -> None:
    def connect() -> None:
        with connected(create(proxy)) as on, Deadline(0.5, 5):
            on.ensure_connection()

    proxy.hang()
    with ThreadPoolExecutor(1) as thread:
        attempt = thread.submit(connect)
        try:
            with pytest.raises(OperationalError, match="timeout expired"):
                attempt.result(PATIENCE)
        finally:
            proxy.stop()


def test_a_statement_that_hung_until_the_deadline_is_not_repeated(
    proxy: DatabaseProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first statement of a request also checks its connection."""
    monkeypatch.setattr(deadline, "GRACE_SECONDS", 0.0)
    names = Statement.of(User.objects.values_list("username"))
    with connected(primary(proxy)) as on, ThreadPoolExecutor(1) as main:
        names.rows({})
        on.settings_dict["OPTIONS"]["connect_timeout"] = 2
        on.health_check_enabled, on.health_check_done = True, False
        proxy.hang()

        def is_disconnected() -> bool:
            disconnect_overdue()
            return on.connection is None

        with Deadline(0.5, 0.1):
            main.submit(wait_until, is_disconnected)
            with pytest.raises(OperationalError, match="no time is left"):
                names.rows({})


def test_no_request_begins_or_ends_by_asking_a_server_that_hangs(proxy: DatabaseProxy) -> None:
    with connected(primary(proxy)) as on, ThreadPoolExecutor(1) as thread:
        with pytest.raises(ProgrammingError), on.cursor() as cursor:
            cursor.execute("SELECT missing")
        assert on.errors_occurred
        before = on.connection
        on.inc_thread_sharing()
        proxy.hang()
        try:
            thread.submit(on.close_if_unusable_or_obsolete).result(PATIENCE)
        finally:
            proxy.resume()
        assert on.connection is before
        assert not on.errors_occurred
        assert not on.health_check_done


def test_a_broken_connection_is_closed_before_a_request(proxy: DatabaseProxy) -> None:
    with connected(primary(proxy)) as on:
        on.ensure_connection()
        proxy.stop()
        with pytest.raises(OperationalError), on.cursor() as cursor:
            cursor.execute("SELECT 1")
        proxy.start()
        on.close_if_unusable_or_obsolete()
        assert on.connection is None


@pytest.mark.parametrize("is_connected", [False, True])
def test_a_scrape_waits_once_for_a_database_that_fails(
    proxy: DatabaseProxy, monkeypatch: pytest.MonkeyPatch, *, is_connected: bool
) -> None:
    attempts: list[object] = []
    connect = psycopg.connect

    def count(*arguments: Any, **options: Any) -> Any:
        attempts.append(options)
        return connect(*arguments, **options)

    with connected(primary(proxy)) as on:
        before = Samples.of(exposition().decode())
        assert (before["database_up", ()], before["database_readings_missing", ()]) == (1, 0)
        if is_connected:
            # As before a request.
            on.close_if_unusable_or_obsolete()
        else:
            on.close()
        proxy.stop()
        monkeypatch.setattr(psycopg, "connect", count)
        after = Samples.of(exposition().decode())
        proxy.start()
    assert len(attempts) == 1
    assert after["database_up", ()] == 0
    assert after["database_readings_missing", ()] > 1
    assert not after.of_name("outbox_messages")
    # What is not read from the database.
    assert after["broker_up", ()] == 1
