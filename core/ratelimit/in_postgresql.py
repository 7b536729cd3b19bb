"""Buckets in PostgreSQL, the fallback while Redis fails."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F

from core.ratelimit.buckets import Limit
from core.ratelimit.models import StoredBucket
from engine.sql.leading import run_leading

# Locks rows in the order of their keys, against deadlocks. A statement that has waited for a lock
# uses the time at which it began, which never favours the client.
FILL: Final = """
    INSERT INTO ratelimit_storedbucket AS bucket (key, empty_at)
    SELECT key, statement_timestamp() + size
    FROM unnest(%s::bytea[], %s::interval[]) AS attempt (key, size)
    ORDER BY key
    ON CONFLICT (key) DO UPDATE SET empty_at =
        greatest(bucket.empty_at, statement_timestamp())
        + (excluded.empty_at - statement_timestamp())
    RETURNING key, empty_at - statement_timestamp()
"""


def fill(limits: Mapping[bytes, Limit]) -> timedelta:
    """Add one attempt to all buckets, or return the time to wait.

    The time is zero if the attempt was added. An overflow rolls the transaction back.
    """
    sizes = [limit.interval for limit in limits.values()]
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(FILL, [list(limits), sizes])
            waits = [level - limits[key].capacity for key, level in cursor.fetchall()]
        wait: timedelta = max(timedelta(), *waits)
        if wait:
            transaction.set_rollback(True)
    return wait


def settle(
    key: bytes, debt: timedelta, size: timedelta, capacity: timedelta
) -> tuple[timedelta, timedelta]:
    """Add a debt in any case, and a size if it fits.

    Returns the time until the bucket is empty, and the time to wait until the size fits.
    """
    run_leading()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(FILL, [[key], [debt]])
        ((_key, level),) = cursor.fetchall()
        wait: timedelta = max(timedelta(), level + size - capacity)
        if size and not wait:
            cursor.execute(FILL, [[key], [size]])
            ((_key, level),) = cursor.fetchall()
    return level, wait


def drain(limits: Mapping[bytes, Limit]) -> None:
    """Remove one attempt from each bucket. A bucket with a past time counts as empty."""
    for key, limit in limits.items():
        StoredBucket.objects.filter(pk=key).update(empty_at=F("empty_at") - limit.interval)


def empty(limits: Mapping[bytes, Limit]) -> None:
    """Delete the buckets one by one; holding one lock while waiting could deadlock."""
    for key in limits:
        StoredBucket.objects.filter(pk=key).delete()
