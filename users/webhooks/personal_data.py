"""Personal data in webhooks and their deliveries."""

from django.db.models import Q

from core.database.sealed_columns import SealedColumn, register_sealed_columns
from users.accounts.personal_data import NUMBER, OWN
from users.activity.personal_data_registry import (
    DeleteRows,
    PersonalTable,
    ReplaceValues,
    register_buckets,
    register_tables,
)
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.signing import seal_secret, unseal_secret
from users.webhooks.throttling import user_buckets

SHARED = "belongs to the organisation or the service"
PROGRESS = "the progress of deliveries"

register_buckets(lambda subject: user_buckets(subject.id))

register_sealed_columns(
    SealedColumn(Webhook, "secret", seal_secret, unseal_secret),
    SealedColumn(Webhook, "previous_secret", seal_secret, unseal_secret),
)

register_tables(
    PersonalTable(
        model=WebhookDelivery,
        row_conditions=lambda subject: [
            Q(event__subject_id=subject.id),
            Q(event__actor_id=subject.id),
        ],
        exported=("event__tag", "state", "created_at", "attempted_at"),
        not_exported={
            "id": NUMBER,
            "webhook": SHARED,
            "event": NUMBER,
            "position": NUMBER,
            "ordering_key": NUMBER,
            "attempts": PROGRESS,
            "next_attempt_at": PROGRESS,
            "retry_until": PROGRESS,
            "status_code": PROGRESS,
            "duration_ms": PROGRESS,
            "error": PROGRESS,
            "is_requested": PROGRESS,
        },
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=Webhook,
        row_conditions=lambda subject: [Q(owner=subject.id)],
        exported=("url", "tags", "selection", "created_at", "disabled_at"),
        not_exported={
            "id": NUMBER,
            "organization": "exported with the memberships",
            "owner": OWN,
            "secret": "an encrypted secret",
            "previous_secret": "an encrypted secret",
            **dict.fromkeys(
                (
                    *("previous_secret_expires_at", "disabled_reason", "position", "turn"),
                    *("claimed_until", "failing_since", "pauses", "resume_at", "slow_until"),
                ),
                PROGRESS,
            ),
        },
        erasure=ReplaceValues(
            {"owner": None},
            retained=dict.fromkeys(
                (
                    *("id", "organization", "url", "tags", "selection", "secret"),
                    *("previous_secret", "previous_secret_expires_at", "created_at"),
                    *("disabled_at", "disabled_reason", "position", "turn", "claimed_until"),
                    *("failing_since", "pauses", "resume_at", "slow_until"),
                ),
                SHARED,
            ),
        ),
    ),
)
