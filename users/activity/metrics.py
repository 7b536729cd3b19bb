"""Metrics of the audit stream, read from the database, so equal in all pods."""

import logging
from collections.abc import Iterable

from django.db import Error
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.server.metrics import DEPLOYMENT
from users.activity.services.stream import stream_delay

logger = logging.getLogger(__name__)


class AuditStreamCollector(Collector):
    """Reads the first seal that waits, by index, at each scrape."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauge; nothing if the database fails."""
        try:
            seconds = stream_delay()
        except Error as error:
            logger.warning("audit stream not measured", extra={"error": type(error).__name__})
            return
        text = "For how long the oldest sealed event has waited for the target of the audit trail."
        yield GaugeMetricFamily("audit_stream_oldest_event_seconds", text, value=seconds)


DEPLOYMENT.register(AuditStreamCollector())
