"""What several apps do with the database."""

from collections.abc import Callable
from typing import Any, Final

from django.db import models, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

BATCH: Final = 1_000


class AppendOnly(models.Model):
    """Rows that the service's database role may add and read, and do nothing else to."""

    class Meta:
        """A mark for `manage.py migrate`, which grants what the service may do."""

        abstract = True


def replace_nul(text: str) -> str:
    """Return the text as PostgreSQL can hold it: without NUL, for which another sign stands."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


class UnindexedFilter(ExpressionWrapper):  # type: ignore[type-arg] # it takes none at run time
    """A condition to filter by that has no index in common with the order of the rows.

    It means what ``condition`` does, and tells whoever reads a page how to go about it.
    """

    def __init__(self, condition: Q) -> None:
        """Wrap a condition."""
        super().__init__(condition, output_field=BooleanField())
        self.condition = condition


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
