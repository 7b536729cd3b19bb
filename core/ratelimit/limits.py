"""Counting attempts, for services.

A service counts before it opens its transaction, so that no rollback takes the count back:

    attempt(Bucket(PER_ACCOUNT, login), Bucket(PER_NETWORK, network_of(address)))
    with transaction.atomic(durable=True):
        …
    forgive(Bucket(PER_ACCOUNT, login))

All functions raise `RuntimeError` in a transaction. Tests may run in one of their own.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final, TypeVar

from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from core.errors import TooManyAttemptsError
from core.ratelimit import in_postgresql
from core.ratelimit.buckets import Bucket, Limit, fold
from core.ratelimit.in_redis import RedisBuckets, redis_buckets

__all__ = ["Bucket", "Limit", "attempt", "clear", "fold", "forget", "refund"]

logger = logging.getLogger(__name__)

SECOND: Final = timedelta(seconds=1)

T = TypeVar("T")
Limits = Mapping[bytes, Limit]


def attempt(*buckets: Bucket) -> None:
    """Count one attempt in all of the buckets, for good.

    If any of them is full, count it in none and raise `TooManyAttemptsError` with the whole
    seconds until there is room in all of them.
    """
    wait = _count(RedisBuckets.fill, in_postgresql.fill, buckets)
    if wait:
        raise TooManyAttemptsError(retry_after=-(-wait // SECOND))


def refund(*buckets: Bucket) -> None:
    """Take one attempt out of each bucket that has any, because it turned out harmless."""
    _count(RedisBuckets.drain, in_postgresql.drain, buckets)


def clear(*buckets: Bucket) -> None:
    """Take all attempts out of the buckets."""
    _count(RedisBuckets.empty, in_postgresql.empty, buckets)


def forget(*buckets: Bucket) -> None:
    """Take all attempts out of the buckets, wherever they were counted.

    What Redis keeps while it fails is gone within its limits' periods.
    """
    clear(*buckets)
    in_postgresql.empty({bucket.key: bucket.limit for bucket in buckets})


def _count(
    in_redis: Callable[[RedisBuckets, Limits], T],
    instead: Callable[[Limits], T],
    buckets: tuple[Bucket, ...],
) -> T | None:
    """Do it in Redis, or in PostgreSQL if Redis fails or failed just now."""
    # Raises in a transaction, and issues no statement.
    with transaction.atomic(savepoint=False, durable=True):
        pass
    if not buckets:
        return None
    limits = {bucket.key: bucket.limit for bucket in buckets}
    redis = redis_buckets(settings.REDIS_URL)
    if redis.is_trusted():
        try:
            return in_redis(redis, limits)
        except RedisError as error:
            redis.distrust()
            # The error's text may quote the command, which has the keys.
            logger.warning("Redis failed (%s), PostgreSQL counts attempts", type(error).__name__)
    return instead(limits)
