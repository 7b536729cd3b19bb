"""The Celery side of the throttles."""

from celery import shared_task

from core.db import delete_in_batches
from core.ratelimit.models import StoredBucket


@shared_task(name="core.ratelimit.prune")
def prune() -> None:
    """Delete the rows of empty buckets; none in which an attempt is just being counted."""
    delete_in_batches(StoredBucket.objects.emptied())
