"""The table that stands in for Redis."""

from django.db import models
from django.db.models.functions import Now


class StoredBucketQuerySet(models.QuerySet["StoredBucket"]):
    """Which buckets matter, by PostgreSQL's clock."""

    def drained(self) -> "StoredBucketQuerySet":
        """Buckets from which all attempts have leaked away; they are as good as no row."""
        return self.filter(empty_at__lte=Now())


class StoredBucket(models.Model):
    """How full a bucket is, as the time at which it will be empty if nothing more comes in.

    That time is GCRA's theoretical arrival time. There is no index on it: nearly every write
    changes it, and the table is small.
    """

    key = models.BinaryField(primary_key=True, max_length=32)
    empty_at = models.DateTimeField()

    objects = StoredBucketQuerySet.as_manager()

    def __str__(self) -> str:
        """Show the beginning of the digest."""
        return bytes(self.key[:4]).hex()
