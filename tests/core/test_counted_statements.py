"""Statements are counted on every kind of connection."""

from contextlib import closing
from typing import Any

from django.db import connection

from core.database.replicas.connections import OpenConnections, ReplicaConnection
from core.database.roles.owner import as_owner
from engine.meter import METER


def counted(connected: Any) -> int:
    """Execute a statement; return how many were counted."""
    with connected.cursor() as cursor:
        before = METER.totals.statements
        cursor.execute("SELECT 1")
    return METER.totals.statements - before


def test_statements_of_all_connections_are_counted(transactional_db: None) -> None:
    replica = ReplicaConnection(connection.settings_dict, OpenConnections())
    with closing(replica):
        assert counted(replica) == 1
    assert counted(connection) == 1
    with as_owner():
        assert counted(connection) == 1
