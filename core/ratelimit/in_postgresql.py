"""Buckets in PostgreSQL, for as long as Redis fails."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F

from core.ratelimit.buckets import Limit
from core.ratelimit.models import StoredBucket

# Locks the rows in the order of their keys, as everybody does, so that nobody deadlocks. A
# statement that waited for a lock takes the time at which it began, which is never in the
# client's favour.
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
    """Add one attempt to all buckets, or return how long to wait before that is possible.

    Adds it first and then takes it back if a bucket overflowed; nobody sees it in between.
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


def drain(limits: Mapping[bytes, Limit]) -> None:
    """Take one attempt out of each bucket; a time that comes to lie in the past is as no row."""
    for key, limit in limits.items():
        StoredBucket.objects.filter(pk=key).update(empty_at=F("empty_at") - limit.interval)


def empty(limits: Mapping[bytes, Limit]) -> None:
    """Forget the buckets, one by one, so as never to hold one lock and wait for another."""
    for key in limits:
        StoredBucket.objects.filter(pk=key).delete()
