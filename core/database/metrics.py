"""Metrics that are read from PostgreSQL at each scrape, equal in all pods."""

import logging
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from django.conf import settings
from django.db import Error, connection, transaction
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from engine.deadline import Deadline, DeadlineExceededError

logger = logging.getLogger(__name__)

# For all readings of a scrape, whose own time-out is 10 seconds.
SECONDS: Final = 3.0
# All connections to our database; what those of other roles do is hidden.
CONNECTIONS: Final = """
    SELECT coalesce(state, 'other'), count(*), count(*) FILTER (WHERE wait_event_type = 'Lock')
    FROM pg_stat_activity
    WHERE datname = current_database()
    GROUP BY 1
"""
LIMIT: Final = "SELECT current_setting('max_connections')::int"

Reading: TypeAlias = Callable[[], Iterable[GaugeMetricFamily]]
_readings: Final[list[Reading]] = []


def database_reading(reading: Reading) -> Reading:
    """Have each scrape call a function that reads gauges from the database."""
    _readings.append(reading)
    return reading


class DatabaseCollector(Collector):
    """Calls the readings in turn, until one fails.

    Each of the others would wait for a server that hangs.
    """

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauges that were read, and how many readings are missing."""
        found: list[list[GaugeMetricFamily]] = []
        try:
            with Deadline(SECONDS, settings.STATEMENT_TIMEOUT / 1_000), transaction.atomic():
                for reading in _readings:
                    found.append(list(reading()))  # noqa: PERF401 - those before an error count
        except (Error, DeadlineExceededError) as error:
            logger.warning("metrics not read", extra={"error": type(error).__name__})
        yield GaugeMetricFamily("database_up", "Whether PostgreSQL answers.", value=bool(found))
        yield GaugeMetricFamily(
            "database_readings_missing",
            "Groups of metrics that this scrape lacks, as PostgreSQL failed or took too long.",
            value=len(_readings) - len(found),
        )
        for gauges in found:
            yield from gauges


# The first one, which says whether PostgreSQL answers.
@database_reading
def _connections() -> Iterable[GaugeMetricFamily]:
    """Count the connections to the database by their state."""
    open_ = GaugeMetricFamily(
        "database_connections", "Connections to the database, by state.", labels=["state"]
    )
    waiting = GaugeMetricFamily(
        "database_connections_waiting", "Connections whose statement waits for a lock."
    )
    limit = GaugeMetricFamily("database_connections_max", "PostgreSQL's `max_connections`.")
    with connection.cursor() as cursor:
        cursor.execute(CONNECTIONS)
        rows = cursor.fetchall()
        cursor.execute(LIMIT)
        (maximum,) = cursor.fetchone()
    for state, count, _waiting in rows:
        open_.add_metric([state], count)
    waiting.add_metric([], sum(each for _state, _count, each in rows))
    limit.add_metric([], maximum)
    return open_, waiting, limit
