"""Writes to many rows in short transactions."""

from collections.abc import Callable
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

BATCH: Final = 1_000


def write_in_batches(rows: QuerySet[Any], write: Callable[[QuerySet[Any]], object]) -> None:
    """Call ``write`` with batches of the rows, each in its own transaction.

    A task that exceeds its time limit keeps its progress. Rows are locked for update before
    ``write``, so they still match; rows that another transaction has locked are skipped until the
    next run, so that no transaction waits.
    """
    size = BATCH
    while size == BATCH:
        with transaction.atomic():
            locked = rows.select_for_update(skip_locked=True)
            ids = list(locked.values_list("pk", flat=True)[:BATCH])
            write(rows.model.objects.filter(pk__in=ids))
        size = len(ids)


def delete_in_batches(rows: QuerySet[Any]) -> None:
    """Delete the rows in batches; see `write_in_batches`."""
    write_in_batches(rows, lambda batch: batch.delete())
