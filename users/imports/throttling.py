"""Rate limit of imports.

Each `count_…` function counts one attempt, as in `users.accounts.throttling`.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from core.ratelimit.limits import Bucket, Limit, attempt

STARTS_PER_USER: Final = Limit("import.user", 60, timedelta(hours=1))


def user_buckets(user_id: UUID) -> list[Bucket]:
    """Return the buckets of a user."""
    return [Bucket(STARTS_PER_USER, str(user_id))]


def count_import(user_id: UUID) -> None:
    """Count the start of an import. Raises `TooManyAttemptsError`."""
    attempt(*user_buckets(user_id))
