"""Metrics of the outbox, of attempts to deliver, of the broker and of Beat."""

import logging
from collections.abc import Iterable
from itertools import product
from typing import Final

from django.utils import timezone
from kombu.exceptions import OperationalError
from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.database.metrics import database_reading
from core.outbox.dispatch import dispatcher
from core.outbox.leases import lease_of
from core.outbox.models import MAX_COUNT, STATES, BeatLease, OutboxMessage
from core.outbox.queues import Queue

logger = logging.getLogger(__name__)

ATTEMPTS: Final = Counter(
    "outbox_attempts",
    "Attempts of workers to deliver a message, by queue and result.",
    ["queue", "result"],
)


@database_reading
def _outbox() -> Iterable[GaugeMetricFamily]:
    """Count messages by queue and state, up to `MAX_COUNT` of each."""
    counts = GaugeMetricFamily(
        "outbox_messages",
        f"Outbox messages that are due, failing or failed, counted up to {MAX_COUNT}.",
        labels=["queue", "state"],
    )
    ages = GaugeMetricFamily(
        "outbox_oldest_seconds",
        "Age of the oldest message that no worker has attempted, by queue.",
        labels=["queue"],
    )
    for queue, state in product(Queue, STATES):
        rows = OutboxMessage.objects.in_state(state).filter(queue=queue)
        if state == "due":
            # By an index: due messages are dispatched again within a lease, pausing ones later.
            rows = rows.filter(dispatch_at__lte=timezone.now() + lease_of(queue))
        counts.add_metric([queue, state], rows.order_by()[:MAX_COUNT].count())
    for queue in Queue:
        ages.add_metric([queue], OutboxMessage.objects.oldest_seconds(queue))
    return counts, ages


@database_reading
def _heartbeat() -> Iterable[GaugeMetricFamily]:
    """Read the heartbeat of Beat; there is no value before the first one."""
    gauge = GaugeMetricFamily(
        "beat_heartbeat_timestamp_seconds", "When Beat was last ready to send tasks."
    )
    renewed_at = BeatLease.objects.values_list("renewed_at", flat=True).first()
    if renewed_at is not None:
        gauge.add_metric([], renewed_at.timestamp())
    return (gauge,)


class BrokerCollector(Collector):
    """Counts the messages in the broker's queues that no worker has received yet."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauges; only that the broker fails if it does."""
        up = GaugeMetricFamily("broker_up", "Whether the broker answers.")
        counts = GaugeMetricFamily(
            "broker_messages",
            "Messages in the broker that no worker has received, by queue.",
            labels=["queue"],
        )
        try:
            with dispatcher() as broker:
                for queue in Queue:
                    counts.add_metric([queue], broker.waiting(queue))
        except OperationalError as error:
            logger.warning("broker not counted", extra={"error": type(error).__name__})
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield from (up, counts)
