"""How far the audit trail was streamed to the operator's log system."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class AuditStream(models.Model):
    """The last seal whose event the target has accepted: the one row of its table."""

    sequence = models.BigIntegerField(default=0)
    # By the worker that streams.
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        """Has the primary key 1."""

        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(pk=1), name="audit_stream_is_one"),
        ]

    def __str__(self) -> str:
        """Return the position."""
        return f"streamed until seal {self.sequence}"
