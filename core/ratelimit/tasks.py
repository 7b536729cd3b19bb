"""Celery tasks of the rate limits."""

from datetime import timedelta

from core.database.batches import delete_in_batches
from core.outbox.periodic import periodic
from core.ratelimit.models import StoredBucket


@periodic("core.ratelimit.prune", every=timedelta(minutes=10))
def prune() -> None:
    """Delete empty buckets, except locked ones, in which an attempt is being counted."""
    delete_in_batches(StoredBucket.objects.drained())
