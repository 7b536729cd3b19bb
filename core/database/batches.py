"""Writes of many rows, in short transactions."""

from collections.abc import Callable
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

BATCH: Final = 1_000


def write_in_batches(rows: QuerySet[Any], write: Callable[[QuerySet[Any]], object]) -> None:
    """Call ``write`` with some of the rows at a time, in short transactions.

    A task that runs out of time keeps its progress. Rows are locked first, so that none has
    changed when it is written; those that somebody else has locked are left for the next time,
    so that nobody waits for another.
    """
    size = BATCH
    while size == BATCH:
        with transaction.atomic():
            locked = rows.select_for_update(skip_locked=True)
            ids = list(locked.values_list("pk", flat=True)[:BATCH])
            write(rows.model.objects.filter(pk__in=ids))
        size = len(ids)


def delete_in_batches(rows: QuerySet[Any]) -> None:
    """Delete the rows, as `write_in_batches` does."""
    write_in_batches(rows, lambda batch: batch.delete())
