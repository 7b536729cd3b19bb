"""Rate limit for starting bulk actions, each of which counts users."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from core.ratelimit.limits import Bucket, Limit, attempt

STARTS_PER_USER: Final = Limit("bulk.person", 60, timedelta(hours=1))


def user_buckets(user_id: UUID) -> Iterable[Bucket]:
    """Return the user's buckets."""
    return [Bucket(STARTS_PER_USER, str(user_id))]


def count_start(user_id: UUID) -> None:
    """Count the start of a bulk action. Raises `TooManyAttemptsError`."""
    attempt(*user_buckets(user_id))
