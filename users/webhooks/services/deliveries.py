"""Deliveries that users request: tests, and repetitions."""

from typing import cast
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import require
from users.activity.services.record import record
from users.activity.tags import Tag
from users.webhooks.errors import WebhookErrorCode
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.policy import may_list_webhooks, may_manage_webhooks
from users.webhooks.services.claims import start_turns
from users.webhooks.services.lookup import find_webhook_for_update
from users.webhooks.services.queue import RETRY_FOR, SealedEvent, new_delivery
from users.webhooks.states import WebhookDeliveryState
from users.webhooks.throttling import count_delivery


def send_test_webhook(webhook_id: UUID | None, *, actor: Actor) -> WebhookDelivery:
    """Send the event of this test to a webhook, whatever events it has chosen.

    Raises `InputRejectedError` if the webhook does not exist or is disabled,
    `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_list_webhooks)
    count_delivery(cast("UUID", actor.user_id))
    with transaction.atomic(durable=True):
        webhook = _find_enabled(webhook_id, actor=actor, field="webhook_id")
        organization_id = webhook.organization_id
        event = record(
            Tag.WEBHOOK_TESTED,
            actor=actor,
            subject_id=None,
            organization=organization_id,
            webhook=webhook.pk,
        )
        # Without a key for its order: it is not to wait for others.
        sealed = SealedEvent(webhook.position, event.pk, event.tag, None, None)
        delivery = new_delivery(webhook, sealed)
        delivery.is_requested = True
        delivery.save(force_insert=True)
        start_turns(Q(pk=webhook.pk))
    return delivery


def redeliver_webhook(delivery_id: UUID | None, *, actor: Actor) -> WebhookDelivery:
    """Send an event to its webhook again, rendered again, under the same id.

    A delivery that is pending is attempted at once. Raises `InputRejectedError` if the delivery
    does not exist or the webhook is disabled, `TooManyAttemptsError` and the policy's errors.
    """
    require(actor, may_list_webhooks)
    count_delivery(cast("UUID", actor.user_id))
    with transaction.atomic(durable=True):
        visible = WebhookDelivery.objects.visible_to(actor)
        delivery = visible.filter(pk=delivery_id).first() if delivery_id else None
        if delivery is None:
            raise InputRejectedError(
                Problem(
                    GenericErrorCode.NOT_FOUND,
                    _("This delivery does not exist."),
                    ("delivery_id",),
                )
            )
        webhook = _find_enabled(delivery.webhook_id, actor=actor, field="delivery_id")
        now = timezone.now()
        delivery.state, delivery.attempts = WebhookDeliveryState.PENDING, 0
        delivery.next_attempt_at, delivery.retry_until = now, now + RETRY_FOR
        delivery.is_requested = True
        delivery.save(
            update_fields=["state", "attempts", "next_attempt_at", "retry_until", "is_requested"]
        )
        record(
            Tag.WEBHOOK_REDELIVERED,
            actor=actor,
            subject_id=None,
            organization=webhook.organization_id,
            webhook=webhook.pk,
            delivery=delivery.pk,
            event=delivery.event_id,
        )
        start_turns(Q(pk=webhook.pk))
    return delivery


def _find_enabled(webhook_id: UUID | None, *, actor: Actor, field: str) -> Webhook:
    """Return the webhook, locked for update. Raises `InputRejectedError` if it is disabled."""
    webhook, own_role = find_webhook_for_update(webhook_id, actor=actor)
    require(actor, may_manage_webhooks, own_role)
    if not webhook.is_enabled:
        raise InputRejectedError(
            Problem(
                WebhookErrorCode.WEBHOOK_DISABLED,
                _("This webhook is disabled. Enable it first."),
                (field,),
            )
        )
    return webhook
