"""The outbox table."""

from collections.abc import Iterable
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.outbox.errors import REASON_MAX_LENGTH
from core.request_id import MAX_LENGTH as REQUEST_ID_MAX_LENGTH

FAILING_AFTER = 5
# Limits the exponential backoff: with the default lease of a minute, to about one attempt an hour.
MAX_DOUBLINGS = 6


class OutboxQuerySet(models.QuerySet["OutboxMessage"]):
    """State transitions of messages, by conditional updates instead of locks."""

    def due(self) -> "OutboxQuerySet":
        """Messages to dispatch: no worker completed them within the lease."""
        return self.filter(dispatch_at__lte=timezone.now())

    def failing(self) -> "OutboxQuerySet":
        """Messages that failed repeatedly; attempts continue."""
        return self.filter(attempts__gte=FAILING_AFTER, failed_at=None)

    def failed(self) -> "OutboxQuerySet":
        """Messages that failed permanently; not attempted again unless retried."""
        return self.exclude(failed_at=None)

    def expired(self) -> "OutboxQuerySet":
        """Failed messages past their retention."""
        return self.filter(failed_at__lte=timezone.now() - settings.OUTBOX_FAILED_TTL)

    def fail(self, message_id: int, reason: str) -> None:
        """Mark a message as failed permanently."""
        self.filter(pk=message_id).update(
            failed_at=timezone.now(), failure=reason, dispatch_at=None, claimed_until=None
        )

    def retry(self, message_id: int) -> bool:
        """Reset a failed message and make it due; return whether it was failed."""
        retried = self.failed().filter(pk=message_id)
        now = timezone.now()
        return bool(retried.update(failed_at=None, failure="", attempts=0, dispatch_at=now))

    def postpone(self, ids: Iterable[int]) -> None:
        """Move the messages' due time by one lease, for a worker to claim them first."""
        self.filter(pk__in=ids).update(dispatch_at=timezone.now() + settings.OUTBOX_LEASE)

    def claim(self, message_id: int) -> "OutboxMessage | None":
        """Claim a message for one lease, longer with each attempt.

        Returns None if the message is gone, failed or claimed by another worker.
        """
        now = timezone.now()
        message = self.filter(pk=message_id).first()
        if message is None:
            return None
        lease = settings.OUTBOX_LEASE * 2 ** min(message.attempts, MAX_DOUBLINGS)
        lease_end = now + lease
        claimed = self.filter(
            Q(claimed_until=None) | Q(claimed_until__lte=now),
            pk=message_id,
            failed_at=None,
            attempts=message.attempts,
        ).update(attempts=F("attempts") + 1, claimed_until=lease_end, dispatch_at=lease_end)
        return message if claimed else None


class OutboxMessage(models.Model):
    """A message to one subscriber. The payload contains ids, never secrets."""

    subscriber = models.CharField(_("subscriber"), max_length=200)
    payload = models.JSONField(_("payload"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # Null if the message failed permanently.
    dispatch_at = models.DateTimeField(_("due"), null=True)
    claimed_until = models.DateTimeField(_("claimed until"), null=True)
    failed_at = models.DateTimeField(_("failed"), null=True)
    failure = models.CharField(
        _("reason of the failure"),
        max_length=REASON_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
    )

    # The request that caused the message; empty if there was none.
    request_id = models.CharField(
        _("request id"), max_length=REQUEST_ID_MAX_LENGTH, blank=True, default="", db_default=""
    )

    objects = OutboxQuerySet.as_manager()

    class Meta:
        """`relay` filters by `dispatch_at`, and operators by `failed_at`."""

        verbose_name = _("outbox message")
        verbose_name_plural = _("outbox messages")
        indexes: ClassVar = [
            models.Index(fields=["dispatch_at"], name="outbox_due"),
            models.Index(fields=["failed_at"], name="outbox_failed", condition=~Q(failed_at=None)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(failed_at=None, dispatch_at__isnull=False)
                | Q(failed_at__isnull=False, dispatch_at=None),
                name="outbox_failed_is_not_due",
            ),
        ]

    def __str__(self) -> str:
        """Return the subscriber and the message's id."""
        return f"{self.subscriber} #{self.pk}"
