"""What several apps do with the database."""

from typing import Any, Final

from django.db import models
from django.db.models import QuerySet

BATCH: Final = 1_000


class AppendOnly(models.Model):
    """Rows that the service's database role may add and read, and do nothing else to."""

    class Meta:
        """A mark for `manage.py migrate`, which grants what the service may do."""

        abstract = True


def delete_in_batches(queryset: QuerySet[Any]) -> None:
    """Delete the rows in short transactions; a task that runs out of time keeps its progress."""
    while ids := list(queryset.values_list("pk", flat=True)[:BATCH]):
        queryset.model.objects.filter(pk__in=ids).delete()
