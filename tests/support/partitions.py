"""Partitions in query plans."""

from collections.abc import Iterable

from django.db import connection

PARENTS = """
    SELECT inhrelid::regclass::text, inhparent::regclass::text
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE relkind = 'i'
"""


def indexes_of_tables(names: Iterable[str]) -> set[str]:
    """Replace names of partitions' indexes by those of their tables."""
    with connection.cursor() as cursor:
        cursor.execute(PARENTS)
        parents = dict(cursor.fetchall())
    return {parents.get(name, name) for name in names}


def analyze_events() -> None:
    """Have the planner know the rows of the events, as autovacuum does.

    It leaves empty partitions alone. Once analysed, they would seem to cost nothing to scan, and
    the planner might sort instead of reading each partition in its order.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableoid::regclass::text FROM activity_event")
        for (partition,) in cursor.fetchall():
            cursor.execute(f"ANALYZE {partition}")
