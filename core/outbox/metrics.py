"""The outbox for Prometheus, read from the database: each pod reports the same."""

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
    """Counts messages by their state when Prometheus asks, up to `MAX_COUNT` each."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield one gauge; none while the database does not answer."""
        gauge = GaugeMetricFamily(
            "outbox_messages",
            f"Messages of the outbox that need a look, counted up to {MAX_COUNT}.",
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
            logger.warning("the outbox could not be counted: %s", error)
            return
        yield gauge
