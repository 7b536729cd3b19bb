"""The table of buckets, the fallback for Redis."""

from django.db import models
from django.db.models.functions import Now


class StoredBucketQuerySet(models.QuerySet["StoredBucket"]):
    """Queries on buckets by PostgreSQL's clock."""

    def drained(self) -> "StoredBucketQuerySet":
        """Empty buckets, which are equivalent to missing ones."""
        return self.filter(empty_at__lte=Now())


class StoredBucket(models.Model):
    """A bucket's level, as the time at which it will be empty.

    That is GCRA's theoretical arrival time. It has no index, because nearly every write changes it
    and the table is small.
    """

    key = models.BinaryField(primary_key=True, max_length=32)
    empty_at = models.DateTimeField()

    objects = StoredBucketQuerySet.as_manager()

    def __str__(self) -> str:
        """Return the start of the key in hexadecimal."""
        return bytes(self.key[:4]).hex()
