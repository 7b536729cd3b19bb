"""Webhooks at /metrics: attempts by result, what waits, and what is disabled."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from tests.support.factories import make_delivery, make_webhook
from tests.support.webhooks import happen
from users.accounts.models import User
from users.webhooks.models import WebhookDelivery
from users.webhooks.states import (
    WebhookDeliveryError,
    WebhookDeliveryState,
    WebhookDisabledReason,
)

pytestmark = pytest.mark.django_db


def metrics(client: Client) -> dict[str, float]:
    """Return the metrics of webhooks."""
    lines = client.get("/metrics").content.decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("webhook"))
    return {name: float(value) for name, value in pairs}


def test_nothing_is_counted_without_webhooks(client: Client) -> None:
    assert set(metrics(client).values()) == {0}


def test_deliveries_are_counted_by_the_result_of_their_last_attempt(
    client: Client, root: User
) -> None:
    webhook = make_webhook(root)
    long_ago = timezone.now() - dt.timedelta(minutes=6)
    ended = {"next_attempt_at": None}
    for values in (
        {"error": "", "state": WebhookDeliveryState.SUCCEEDED} | ended,
        {"error": "", "state": WebhookDeliveryState.SUCCEEDED, "attempted_at": long_ago} | ended,
        {"error": WebhookDeliveryError.NOT_VISIBLE, "state": WebhookDeliveryState.FAILED} | ended,
        {"error": WebhookDeliveryError.TIMED_OUT},
        {"error": WebhookDeliveryError.TIMED_OUT},
        {"error": "", "attempted_at": None, "attempts": 0},
    ):
        make_delivery(webhook, happen(root), **values)
    hour = dt.timedelta(hours=1)
    oldest = WebhookDelivery.objects.pending().earliest("pk")
    WebhookDelivery.objects.filter(pk=oldest.pk).update(created_at=timezone.now() - hour)
    found = metrics(client)
    assert found['webhook_deliveries{result="SUCCEEDED"}'] == 1
    assert found['webhook_deliveries{result="NOT_VISIBLE"}'] == 1
    assert found['webhook_deliveries{result="TIMED_OUT"}'] == 2
    assert found['webhook_deliveries{result="TLS_FAILED"}'] == 0
    assert found["webhook_deliveries_waiting"] == 3
    assert 3_600 <= found["webhook_oldest_delivery_seconds"] < 7_200


def test_webhooks_are_counted_by_why_they_are_disabled(client: Client, root: User) -> None:
    now = timezone.now()
    make_webhook(root)
    for _number in range(2):
        make_webhook(root, disabled_at=now, disabled_reason=WebhookDisabledReason.FAILING)
    found = metrics(client)
    assert found['webhooks{state="ENABLED"}'] == 1
    assert found['webhooks{state="FAILING"}'] == 2
    assert found['webhooks{state="OWNER_LOST_ROLE"}'] == 0
