"""Replicas after a failover: one that does not follow the new primary is not used."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from uuid import UUID

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from prometheus_client import REGISTRY

from core.database.replicas.pool import REPLICAS
from core.database.replicas.positions import HAS_REPLAYED
from core.database.roles.owner import as_owner
from tests.support.standbys import Standby, in_use, standbys
from tests.support.waiting import wait_until


@pytest.fixture
def servers(transactional_db: None) -> Iterator[list[Standby]]:
    with standbys(3) as found:
        for each in found:
            each.start()
        yield found


@contextmanager
def primary(server: Standby) -> Iterator[None]:
    """Have new connections to the primary lead to another server."""
    changed = connections.settings[DEFAULT_DB_ALIAS] | server.parameters
    with patch.dict(connections.settings, {DEFAULT_DB_ALIAS: changed}):
        yield


def chosen(user_id: UUID) -> str:
    """Return the name of the replica of a user; empty if there is none."""
    found = REPLICAS.choose(user_id)
    return found.name if found else ""


def write_much() -> None:
    """Move the former primary's position beyond all that the new one writes here."""
    with as_owner(), connection.cursor() as cursor:
        for _number in range(2):
            cursor.execute("SELECT pg_logical_emit_message(false, 'test', 'x')")
            cursor.execute("SELECT pg_switch_wal()")


def position_of(server: Standby, function: str) -> int:
    return int(server.execute(f"SELECT {function}() - '0/0'::pg_lsn"))


def wait_until_asked(name: str) -> None:
    """Wait until a replica has been asked again what it has replayed."""

    def lag() -> float | None:
        return REGISTRY.get_sample_value("database_replica_lag_seconds", {"replica": name})

    for _number in range(2):
        before = lag()
        wait_until(lambda: lag() != before, "the replica is not asked")  # noqa: B023


def has_replayed(server: Standby, other: Standby) -> bool:
    """Return whether a query's own check accepts a server, at the other's position."""
    position = position_of(other, "pg_current_wal_flush_lsn")
    mark = other.execute("SELECT mark FROM replicas_timeline")
    return bool(server.execute("SELECT " + HAS_REPLAYED % (position, f"'{mark}'")))


def test_a_replica_that_does_not_follow_the_new_primary_is_not_used(
    servers: list[Standby],
) -> None:
    promoted, following, left_behind = servers
    # All show the mark of the former primary.
    with in_use(left_behind, max_lag=600.0):
        wait_until(lambda: chosen(UUID(int=0)), "the replica is not used")
    following.execute(
        f"ALTER SYSTEM SET primary_conninfo = 'host={promoted.directory} user=postgres'"
    )
    following.execute("SELECT pg_reload_conf()")
    promoted.execute("SELECT pg_promote()")
    write_much()
    wait_until(
        lambda: (
            position_of(left_behind, "pg_last_wal_replay_lsn")
            > position_of(promoted, "pg_current_wal_insert_lsn")
        ),
        "the former primary is not ahead",
    )
    with primary(promoted), in_use(following, left_behind, max_lag=600.0):
        wait_until(lambda: chosen(UUID(int=0)), "the one that follows is not used")
        wait_until_asked("2")
        assert (chosen(UUID(int=0)), chosen(UUID(int=1))) == ("1", "1")
        assert has_replayed(following, promoted)
        assert not has_replayed(left_behind, promoted)
