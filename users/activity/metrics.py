"""Metrics of the audit stream, read from the database, so equal in all pods."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily

from core.database.metrics import database_reading
from users.activity.services.stream import stream_delay


@database_reading
def _audit_stream() -> Iterable[GaugeMetricFamily]:
    """Read the first seal that waits, by index."""
    text = "For how long the oldest sealed event has waited for the target of the audit trail."
    return (GaugeMetricFamily("audit_stream_oldest_event_seconds", text, value=stream_delay()),)
