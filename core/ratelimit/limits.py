"""Rate limits on attempts, for services.

A service counts before it opens its transaction, so that a rollback does not undo the count:

    attempt(Bucket(PER_ACCOUNT, login), Bucket(PER_NETWORK, network_of(address)))
    with transaction.atomic(durable=True):
        …
    clear(Bucket(PER_ACCOUNT, login))

Work that a bulkhead may refuse is done within `counted`.

All functions raise `RuntimeError` within a transaction, except that of a `TestCase`, and except
`settle`, which counts what has already happened.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TypeVar

from django.conf import settings
from django.db import transaction
from prometheus_client import Counter
from redis.exceptions import RedisError

from core.bulkhead import NotStartedError
from core.circuit_breaker import CircuitOpenError
from core.errors import TooManyAttemptsError
from core.ratelimit import in_postgresql
from core.ratelimit.buckets import Bucket, Limit, fold
from core.ratelimit.in_redis import RedisBuckets, redis_buckets

__all__ = ["Bucket", "Limit", "attempt", "clear", "counted", "erase", "fold", "refund", "settle"]

logger = logging.getLogger(__name__)

REFUSED: Final = Counter(
    "rate_limited_attempts",
    "Attempts that a rate limit refused, by the first of the limits that they count on.",
    ["limit"],
)
SECOND: Final = timedelta(seconds=1)

T = TypeVar("T")
Limits = Mapping[bytes, Limit]


def attempt(*buckets: Bucket) -> None:
    """Count one attempt in all buckets.

    If any bucket is full, count it in none and raise `TooManyAttemptsError` with the seconds,
    rounded up, until all have room.
    """
    wait = _count(RedisBuckets.fill, in_postgresql.fill, buckets)
    if wait:
        REFUSED.labels(buckets[0].limit.name).inc()
        raise TooManyAttemptsError(retry_after=-(-wait // SECOND))


@contextmanager
def counted(*buckets: Bucket) -> Iterator[None]:
    """Count the work within as `attempt` does, and refund it after `NotStartedError`."""
    attempt(*buckets)
    try:
        yield
    except NotStartedError:
        refund(*buckets)
        raise


def refund(*buckets: Bucket) -> None:
    """Remove one attempt from each bucket, because it turned out to be legitimate."""
    _count(RedisBuckets.drain, in_postgresql.drain, buckets)


def clear(*buckets: Bucket) -> None:
    """Remove all attempts from the buckets."""
    _count(RedisBuckets.empty, in_postgresql.empty, buckets)


def erase(*buckets: Bucket) -> None:
    """Remove all attempts from the buckets in both stores, for the erasure of a user.

    If Redis fails, its keys expire within the periods of the limits.
    """
    clear(*buckets)
    in_postgresql.empty({bucket.key: bucket.limit for bucket in buckets})


def settle(
    key: bytes, *, debt: timedelta, size: timedelta, capacity: timedelta
) -> tuple[timedelta, timedelta]:
    """Add a debt to a bucket in any case, and a size if it fits.

    Returns the time until the bucket is empty, and the time to wait until the size fits, which is
    zero if it was added.
    """
    return _with_fallback(
        lambda redis: redis.settle(key, debt, size, capacity),
        lambda: in_postgresql.settle(key, debt, size, capacity),
    )


def _count(
    use_redis: Callable[[RedisBuckets, Limits], T],
    use_postgresql: Callable[[Limits], T],
    buckets: tuple[Bucket, ...],
) -> T | None:
    """Call a function of a store for the buckets. Raises `RuntimeError` within a transaction."""
    # Executes no statement.
    with transaction.atomic(savepoint=False, durable=True):
        pass
    if not buckets:
        return None
    limits = {bucket.key: bucket.limit for bucket in buckets}
    return _with_fallback(lambda redis: use_redis(redis, limits), lambda: use_postgresql(limits))


def _with_fallback(use_redis: Callable[[RedisBuckets], T], use_postgresql: Callable[[], T]) -> T:
    """Call ``use_redis``, or ``use_postgresql`` if Redis fails or failed recently."""
    redis = redis_buckets(settings.REDIS_URL)
    try:
        return redis.breaker.call(lambda: use_redis(redis))
    except CircuitOpenError:
        pass
    except RedisError as error:
        # The type only, because the text may quote the command with its keys.
        logger.warning(
            "Redis failed; PostgreSQL counts attempts", extra={"error": type(error).__name__}
        )
    return use_postgresql()
