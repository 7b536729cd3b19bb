"""Periodic tasks and outbox subscribers of webhooks."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from core.database.batches import delete_in_batches, write_in_batches
from core.outbox.periodic import periodic
from core.outbox.queues import Queue
from core.outbox.registry import subscriber
from users.accounts.mail_recipients import mail_user
from users.activity.models import Event
from users.activity.services.sealing import seal_recent
from users.activity.tags import Tag
from users.webhooks import mails
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.services.claims import TOPIC, start_turns
from users.webhooks.services.queue import queue_deliveries
from users.webhooks.services.turns import run_turn
from users.webhooks.states import WebhookDisabledReason
from users.webhooks.targets import host_of


@periodic("users.webhooks.dispatch", every=timedelta(seconds=5))
def dispatch_webhooks() -> None:
    """Queue the deliveries of new events, and start the turns of webhooks that have some."""
    if Webhook.objects.enabled().exists():
        seal_recent()
        queue_deliveries()
        start_turns()


@subscriber(TOPIC, queue=Queue.WEBHOOKS)
def run_webhook_turn(webhook_id: str, turn: int) -> None:
    """Run one turn of a webhook."""
    run_turn(UUID(webhook_id), turn=turn)


@subscriber(Tag.WEBHOOK_DISABLED, queue=Queue.MAIL)
def mail_webhook_disabled(event_id: str) -> None:
    """Notify the owner of a webhook that was disabled automatically, if they may sign in."""
    data = Event.objects.values_list("data", flat=True).get(pk=event_id)
    webhooks = Webhook.objects.select_related("owner__profile").filter(owner__is_active=True)
    webhook = webhooks.filter(pk=data["webhook"]).first()
    if webhook is None or webhook.owner is None:
        return
    reason, host = WebhookDisabledReason(data["reason"]), host_of(webhook.url)
    mail_user(
        webhook.owner, lambda reader: mails.webhook_disabled(reader, host=host, reason=reason)
    )


@periodic("users.webhooks.prune", every=timedelta(minutes=10))
def prune_webhooks() -> None:
    """Delete old deliveries, and secrets that no longer sign."""
    oldest = timezone.now() - settings.WEBHOOK_DELIVERY_RETENTION
    delete_in_batches(WebhookDelivery.objects.ended_before(oldest))
    write_in_batches(
        Webhook.objects.with_expired_secrets(),
        lambda webhooks: webhooks.update(previous_secret="", previous_secret_expires_at=None),
    )
