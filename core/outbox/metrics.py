"""Outbox metrics for Prometheus, read from the database, so equal in all pods."""

import logging
from collections.abc import Iterable
from typing import Final

from django.db import Error
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.outbox.models import OutboxMessage

MAX_COUNT: Final = 10_000
logger = logging.getLogger(__name__)


class OutboxCollector(Collector):
    """Counts messages by state at each scrape, up to `MAX_COUNT` per state."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauge; nothing if the database fails."""
        gauge = GaugeMetricFamily(
            "outbox_messages",
            f"Outbox messages that are due or failing, counted up to {MAX_COUNT}.",
            labels=["state"],
        )
        messages = OutboxMessage.objects.all()
        try:
            for state, rows in (
                ("due", messages.due()),
                ("failing", messages.failing()),
                ("failed", messages.failed()),
            ):
                gauge.add_metric([state], rows.order_by()[:MAX_COUNT].count())
        except Error as error:
            logger.warning("outbox not counted", extra={"error": str(error)})
            return
        yield gauge
