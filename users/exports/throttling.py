"""Rate limit of exports.

Each `count_…` function counts one attempt, as in `users.accounts.throttling`.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from core.ratelimit.limits import Bucket, Limit, attempt

# Bounds the stored files of an administrator, which are kept for days.
EXPORTS_PER_USER: Final = Limit("users-export.user", 20, timedelta(days=1))


def user_buckets(user_id: UUID) -> list[Bucket]:
    """Return the buckets of a user."""
    return [Bucket(EXPORTS_PER_USER, str(user_id))]


def count_export(user_id: UUID) -> None:
    """Count the start of an export. Raises `TooManyAttemptsError`."""
    attempt(*user_buckets(user_id))
