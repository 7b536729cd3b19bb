"""Webhook metrics for Prometheus, read from the database, so equal in all pods."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from django.db.models import Count
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily

from core.database.metrics import database_reading
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.states import WebhookDeliveryError, WebhookDisabledReason

MAX_COUNT: Final = 10_000
# The time of the attempts that are counted.
RECENT: Final = timedelta(minutes=5)
SUCCEEDED: Final = "SUCCEEDED"
ENABLED: Final = "ENABLED"


@database_reading
def _deliveries() -> Iterable[GaugeMetricFamily]:
    """Read deliveries by index, and count at most `MAX_COUNT` of them."""
    return _attempts(), _waiting(), _oldest(), _webhooks()


def _attempts() -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(
        "webhook_deliveries",
        f"Deliveries attempted in the last {RECENT.seconds // 60} minutes by the result of the "
        f"last attempt, SUCCEEDED or an error, of the newest {MAX_COUNT}.",
        labels=["result"],
    )
    recent = WebhookDelivery.objects.filter(attempted_at__gt=timezone.now() - RECENT)
    newest = recent.order_by("-attempted_at").values("pk")[:MAX_COUNT]
    groups = WebhookDelivery.objects.filter(pk__in=newest).order_by().values("error")
    counts = {row["error"]: row["count"] for row in groups.annotate(count=Count("pk"))}
    for error in ("", *WebhookDeliveryError):
        gauge.add_metric([error or SUCCEEDED], counts.get(error, 0))
    return gauge


def _waiting() -> GaugeMetricFamily:
    waiting = WebhookDelivery.objects.pending().order_by()[:MAX_COUNT].count()
    text = f"Deliveries that wait for an attempt, counted up to {MAX_COUNT}."
    return GaugeMetricFamily("webhook_deliveries_waiting", text, value=waiting)


def _oldest() -> GaugeMetricFamily:
    # By the primary key: ids are UUIDv7.
    pending = WebhookDelivery.objects.pending().order_by("pk")
    queued = pending.values_list("created_at", flat=True).first()
    age = (timezone.now() - queued).total_seconds() if queued else 0.0
    text = "Age of the oldest delivery that waits for an attempt."
    return GaugeMetricFamily("webhook_oldest_delivery_seconds", text, value=max(0.0, age))


def _webhooks() -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(
        "webhooks",
        "Webhooks that are ENABLED, and others by the reason for which they are disabled.",
        labels=["state"],
    )
    groups = Webhook.objects.order_by().values("disabled_reason").annotate(count=Count("pk"))
    counts = {row["disabled_reason"]: row["count"] for row in groups}
    gauge.add_metric([ENABLED], counts.get("", 0))
    for reason in WebhookDisabledReason:
        gauge.add_metric([reason.name], counts.get(reason, 0))
    return gauge
