"""Rate limits of webhooks.

Each `count_…` function counts one attempt, as in `users.accounts.throttling`.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from core.ratelimit.limits import Bucket, Limit, attempt

WEBHOOKS_PER_USER: Final = Limit("webhook.user", 50, timedelta(days=1))
# Tests and repetitions.
DELIVERIES_PER_USER: Final = Limit("webhook_delivery.user", 300, timedelta(hours=1))


def user_buckets(user_id: UUID) -> list[Bucket]:
    """Return the buckets of a user."""
    return [Bucket(limit, str(user_id)) for limit in (WEBHOOKS_PER_USER, DELIVERIES_PER_USER)]


def count_webhook(user_id: UUID) -> None:
    """Count a creation of a webhook. Raises `TooManyAttemptsError`."""
    attempt(Bucket(WEBHOOKS_PER_USER, str(user_id)))


def count_delivery(user_id: UUID) -> None:
    """Count a delivery that a user requests. Raises `TooManyAttemptsError`."""
    attempt(Bucket(DELIVERIES_PER_USER, str(user_id)))
