"""Disabling webhooks: by users, and automatically."""

from django.utils import timezone

from core.security.actor import SYSTEM
from users.activity.services.record import record
from users.activity.tags import Tag
from users.webhooks.models import Webhook
from users.webhooks.states import WebhookDisabledReason


def set_disabled(webhook: Webhook, reason: WebhookDisabledReason) -> bool:
    """Disable a webhook and end its waiting deliveries, in the caller's transaction.

    Its worker keeps the claim, because a request may be on its way. Return False if it is disabled
    already.
    """
    enabled = Webhook.objects.enabled().filter(pk=webhook.pk)
    if not enabled.update(disabled_at=timezone.now(), disabled_reason=reason, resume_at=None):
        return False
    webhook.deliveries.fail_pending()
    return True


def disable_webhook(webhook: Webhook, reason: WebhookDisabledReason) -> None:
    """Disable a webhook automatically, in the caller's transaction; its owner gets a mail."""
    if set_disabled(webhook, reason):
        record(
            Tag.WEBHOOK_DISABLED,
            actor=SYSTEM,
            subject_id=None,
            organization=webhook.organization_id,
            webhook=webhook.pk,
            reason=reason,
        )
