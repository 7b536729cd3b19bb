"""What several apps do with the database."""

from typing import Any, Final

from django.db.models import QuerySet

BATCH: Final = 1_000


def delete_in_batches(queryset: QuerySet[Any]) -> None:
    """Delete the rows in short transactions; a task that runs out of time keeps its progress."""
    while ids := list(queryset.values_list("pk", flat=True)[:BATCH]):
        queryset.model.objects.filter(pk__in=ids).delete()
