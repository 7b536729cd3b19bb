"""The outbox table."""

from collections.abc import Iterable
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

FAILING_AFTER = 5
# By the default lease of a minute, attempts come about once an hour in the end.
DOUBLINGS = 6


class OutboxQuerySet(models.QuerySet["OutboxMessage"]):
    """Who may work on which message, decided by conditional updates only."""

    def due(self) -> "OutboxQuerySet":
        """Messages that no worker finished in time."""
        return self.filter(dispatch_at__lte=timezone.now())

    def failing(self) -> "OutboxQuerySet":
        """Messages that failed repeatedly, for an operator to look at; attempts go on."""
        return self.filter(attempts__gte=FAILING_AFTER)

    def postpone(self, ids: Iterable[int]) -> None:
        """Keep the next relays from dispatching these again before a worker had its chance."""
        self.filter(pk__in=ids).update(dispatch_at=timezone.now() + settings.OUTBOX_LEASE)

    def claim(self, message_id: int) -> "OutboxMessage | None":
        """Take a message for one lease, longer with each attempt; None if it is not free."""
        now = timezone.now()
        message = self.filter(pk=message_id).first()
        if message is None:
            return None
        lease = settings.OUTBOX_LEASE * 2 ** min(message.attempts, DOUBLINGS)
        lease_end = now + lease
        claimed = self.filter(
            Q(claimed_until=None) | Q(claimed_until__lte=now),
            pk=message_id,
            attempts=message.attempts,
        ).update(attempts=F("attempts") + 1, claimed_until=lease_end, dispatch_at=lease_end)
        return message if claimed else None


class OutboxMessage(models.Model):
    """One piece of work for one subscriber. The payload holds ids, never secrets."""

    subscriber = models.CharField(_("subscriber"), max_length=200)
    payload = models.JSONField(_("payload"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    dispatch_at = models.DateTimeField(_("due"))
    claimed_until = models.DateTimeField(_("claimed until"), null=True)

    objects = OutboxQuerySet.as_manager()

    class Meta:
        """Relay reads by `dispatch_at` only."""

        verbose_name = _("outbox message")
        verbose_name_plural = _("outbox messages")
        indexes: ClassVar = [
            models.Index(fields=["dispatch_at"], name="outbox_due"),
        ]

    def __str__(self) -> str:
        """Name the subscriber and the message."""
        return f"{self.subscriber} #{self.pk}"
