"""The table by which a replica shows whose history it has."""

from django.db import models


class Timeline(models.Model):
    """The primary's timeline, and a mark that was written on it.

    A promotion begins a new timeline. A replica that shows the mark of the primary's has all that
    was written before it, and nothing of another timeline. The table has one row.
    """

    # As in the names of files of the log.
    timeline = models.CharField(max_length=8)
    # Random, because two servers may begin timelines of the same number.
    mark = models.UUIDField()

    class Meta:
        """Has the primary key 1."""

        default_permissions = ()
        constraints = (models.CheckConstraint(condition=models.Q(pk=1), name="timeline_is_one"),)

    def __str__(self) -> str:
        """Return the timeline."""
        return self.timeline
