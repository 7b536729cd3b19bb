"""The Celery side of the throttles."""

from typing import Final

from celery import shared_task
from django.db import transaction

from core.ratelimit.models import StoredBucket

BATCH: Final = 1_000


@shared_task(name="core.ratelimit.prune")
def prune() -> None:
    """Delete the rows of empty buckets, in short transactions.

    Rows are locked before they are deleted, lest an attempt that is being counted is lost, and
    those that somebody else has locked are left for the next time, lest both wait for ever.
    """
    deleted = BATCH
    while deleted == BATCH:
        with transaction.atomic():
            rows = StoredBucket.objects.emptied().select_for_update(skip_locked=True)
            ids = list(rows.values_list("pk", flat=True)[:BATCH])
            deleted, _ = StoredBucket.objects.filter(pk__in=ids).delete()
