"""Events and daily counts."""

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from users.activity.querysets import DailyCountQuerySet
from users.activity.tags import Tag


class Event(models.Model):
    """One thing that happened. Rows are only ever added.

    People are referred to by bare ids, because an event outlives what it is about.
    """

    tag = models.CharField(max_length=64, choices=[(tag, tag) for tag in Tag])
    actor_id = models.UUIDField(null=True)
    subject_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The audit trail is read by subject, newest first."""

        indexes: ClassVar = [
            models.Index(fields=["subject_id", "-id"], name="event_subject"),
        ]

    def __str__(self) -> str:
        """Name the tag and the row."""
        return f"{self.tag} #{self.pk}"


class DailyCount(models.Model):
    """How often a tag happened on one day, in UTC."""

    day = models.DateField()
    tag = models.CharField(max_length=64, choices=[(tag, tag) for tag in Tag])
    count = models.PositiveBigIntegerField(default=0)

    objects = DailyCountQuerySet.as_manager()

    class Meta:
        """One row a day and tag."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "tag"], name="daily_count_unique"),
        ]

    def __str__(self) -> str:
        """Name the day and the tag."""
        return f"{self.tag} on {self.day}"
