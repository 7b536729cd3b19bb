"""Metrics of PostgreSQL as this service sees it, equal in all pods."""

import logging
from collections.abc import Iterable
from typing import Final

from django.db import Error, connection
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

# All connections to our database; what those of other roles do is hidden.
CONNECTIONS: Final = """
    SELECT coalesce(state, 'other'), count(*), count(*) FILTER (WHERE wait_event_type = 'Lock')
    FROM pg_stat_activity
    WHERE datname = current_database()
    GROUP BY 1
"""
LIMIT: Final = "SELECT current_setting('max_connections')::int"


class DatabaseCollector(Collector):
    """Counts the connections to the database by their state at each scrape."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauges; only that the database fails if it does."""
        up = GaugeMetricFamily("database_up", "Whether PostgreSQL answers.")
        open_ = GaugeMetricFamily(
            "database_connections", "Connections to the database, by state.", labels=["state"]
        )
        waiting = GaugeMetricFamily(
            "database_connections_waiting", "Connections whose statement waits for a lock."
        )
        limit = GaugeMetricFamily("database_connections_max", "PostgreSQL's `max_connections`.")
        try:
            with connection.cursor() as cursor:
                cursor.execute(CONNECTIONS)
                rows = cursor.fetchall()
                cursor.execute(LIMIT)
                (maximum,) = cursor.fetchone()
        except Error as error:
            logger.warning("connections not counted", extra={"error": type(error).__name__})
            up.add_metric([], 0)
            yield up
            return
        for state, count, _waiting in rows:
            open_.add_metric([state], count)
        waiting.add_metric([], sum(each for _state, _count, each in rows))
        limit.add_metric([], maximum)
        up.add_metric([], 1)
        yield from (up, open_, waiting, limit)
