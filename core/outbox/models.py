"""The outbox table, and the lease of Beat."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.db.models import Min, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.outbox.errors import REASON_MAX_LENGTH
from core.outbox.leases import lease_of
from core.outbox.queues import Queue
from core.request_id import MAX_LENGTH as REQUEST_ID_MAX_LENGTH

FAILING_AFTER: Final = 5
# Up to which messages are counted, and searched for the oldest.
MAX_COUNT: Final = 10_000
# The states that operators look at, in which a message may be at the same time.
STATES: Final = ("due", "failing", "failed")
# How long a Beat that died or hangs keeps others from sending.
BEAT_LEASE: Final = timedelta(seconds=15)
# What a claim changes.
CLAIM: Final = ("attempts", "interruptions", "retry_at", "claimed_until", "dispatch_at")


class OutboxQuerySet(models.QuerySet["OutboxMessage"]):
    """State transitions of messages, by conditional updates instead of locks."""

    def undispatched(self) -> "OutboxQuerySet":
        """Messages that the relay dispatches: no worker completed them within the lease."""
        return self.filter(dispatch_at__lte=timezone.now())

    def due(self) -> "OutboxQuerySet":
        """Messages that wait for a worker, dispatched or not.

        The relay moves `dispatch_at` of those that wait for long into the future again and again.
        """
        return self._free(timezone.now()).filter(failed_at=None)

    def oldest_seconds(self, queue: str) -> float:
        """Return the age of a queue's oldest unattempted message; 0 for none."""
        # By an index; a message that waits for long is dispatched again, and comes later.
        waiting = self.filter(queue=queue, attempts=0, failed_at=None)
        first = waiting.order_by("dispatch_at").values("created_at")[:MAX_COUNT]
        oldest = first.aggregate(oldest=Min("created_at"))["oldest"]
        return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0

    def failing(self) -> "OutboxQuerySet":
        """Messages that failed repeatedly; attempts continue."""
        return self.filter(attempts__gte=FAILING_AFTER, failed_at=None)

    def failed(self) -> "OutboxQuerySet":
        """Messages that failed; not attempted again unless retried."""
        return self.exclude(failed_at=None)

    def expired(self) -> "OutboxQuerySet":
        """Failed messages past their retention."""
        return self.filter(failed_at__lte=timezone.now() - settings.OUTBOX_FAILED_TTL)

    def in_state(self, state: str) -> "OutboxQuerySet":
        """Messages in one of `STATES`."""
        querysets = {"due": self.due, "failing": self.failing, "failed": self.failed}
        return querysets[state]()

    def retry(self, ids: Iterable[int]) -> list["OutboxMessage"]:
        """Reset those of the messages that failed, and make them due; return them."""
        failed = self._lock_failed(ids)
        self.filter(pk__in=[message.pk for message in failed]).update(
            failed_at=None,
            failing_since=None,
            failure="",
            attempts=0,
            interruptions=0,
            dispatch_at=timezone.now(),
        )
        return failed

    def drop(self, ids: Iterable[int]) -> list[int]:
        """Delete those of the messages that failed; return their ids."""
        dropped = [message.pk for message in self._lock_failed(ids)]
        self.filter(pk__in=dropped).delete()
        return dropped

    def take_due(self, queue: str, limit: int) -> list["OutboxMessage"]:
        """Return the longest due messages of a queue, for the caller to dispatch.

        They are due again one lease later, in case no worker claims them. Concurrent callers get
        different messages.
        """
        with transaction.atomic():
            due = self.undispatched().filter(queue=queue).order_by("dispatch_at").only("request_id")
            messages = list(due.select_for_update(skip_locked=True)[:limit])
            dispatch_at = timezone.now() + lease_of(queue)
            self.filter(pk__in=[each.pk for each in messages]).update(dispatch_at=dispatch_at)
        return messages

    def claim(self, message_id: int) -> "OutboxMessage | None":
        """Claim a message for one lease, and count the attempt.

        Returns None if the message is gone, failed, pausing, or claimed by another worker.
        """
        message = self.filter(pk=message_id).first()
        if message is None:
            return None
        now, attempts = timezone.now(), message.attempts
        # An attempt that ended with its worker has recorded nothing.
        message.interruptions += message.claimed_until is not None
        message.attempts += 1
        message.retry_at = None
        message.claimed_until = message.dispatch_at = now + lease_of(message.queue)
        changes = {name: getattr(message, name) for name in CLAIM}
        rows = self._free(now).filter(pk=message_id, failed_at=None, attempts=attempts)
        return message if rows.update(**changes) else None

    def renew(self, message: "OutboxMessage") -> bool:
        """Renew the lease of a claimed message; return whether it is still claimed."""
        lease_end = timezone.now() + lease_of(message.queue)
        return bool(self._claimed(message).update(claimed_until=lease_end, dispatch_at=lease_end))

    def pause(self, message: "OutboxMessage", pause: timedelta, *, reason: str) -> None:
        """Record the failure of a claimed message, and have it retried after the pause."""
        now = timezone.now()
        self._claimed(message).update(
            failing_since=Coalesce("failing_since", now),
            failure=reason,
            claimed_until=None,
            retry_at=now + pause,
            dispatch_at=now + pause,
        )

    def fail(self, message: "OutboxMessage", *, reason: str) -> bool:
        """Mark a claimed message as failed; return whether it was still claimed."""
        changes = {"failed_at": timezone.now(), "failure": reason}
        rows = self._claimed(message)
        return bool(rows.update(**changes, dispatch_at=None, claimed_until=None))

    def release(self, message: "OutboxMessage", delay: timedelta) -> None:
        """Undo the claim of a message, which becomes due after the delay."""
        due = timezone.now() + delay
        self._claimed(message).update(
            attempts=message.attempts - 1, claimed_until=None, retry_at=due, dispatch_at=due
        )

    def _free(self, now: datetime) -> "OutboxQuerySet":
        """Select messages that neither a worker has claimed nor pause."""
        is_unclaimed = Q(claimed_until=None) | Q(claimed_until__lte=now)
        has_paused = Q(retry_at=None) | Q(retry_at__lte=now)
        return self.filter(is_unclaimed, has_paused)

    def _lock_failed(self, ids: Iterable[int]) -> list["OutboxMessage"]:
        return list(self.failed().filter(pk__in=ids).order_by("pk").select_for_update())

    def _claimed(self, message: "OutboxMessage") -> "OutboxQuerySet":
        """Select the message, unless another worker has claimed it since."""
        return self.filter(pk=message.pk, attempts=message.attempts, failed_at=None)


class OutboxMessage(models.Model):
    """A message to one subscriber. The payload contains ids, never secrets."""

    subscriber = models.CharField(_("subscriber"), max_length=200)
    payload = models.JSONField(_("payload"))
    # That of the subscriber when the message was written. Releases up to 0.1 leave it out.
    queue = models.CharField(
        _("queue"), max_length=20, default=Queue.DEFAULT.value, db_default=Queue.DEFAULT.value
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    # Attempts that ended with their worker.
    interruptions = models.PositiveSmallIntegerField(
        _("interrupted attempts"), default=0, db_default=0
    )
    # Null if the message failed.
    dispatch_at = models.DateTimeField(_("due"), null=True)
    claimed_until = models.DateTimeField(_("claimed until"), null=True)
    # The end of the pause after a failed attempt.
    retry_at = models.DateTimeField(_("next attempt"), null=True)
    failing_since = models.DateTimeField(_("failing since"), null=True)
    failed_at = models.DateTimeField(_("failed"), null=True)
    # Of the latest failed attempt.
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
        """`relay` filters by queue and `dispatch_at`, and operators by `failed_at`."""

        verbose_name = _("outbox message")
        verbose_name_plural = _("outbox messages")
        indexes: ClassVar = [
            # Of the admin's list, and of the relay of releases up to 0.1.
            models.Index(fields=["dispatch_at"], name="outbox_due"),
            models.Index(fields=["queue", "dispatch_at"], name="outbox_queue_due"),
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

    @property
    def failures(self) -> int:
        """The number of failed attempts, once the current one has failed."""
        return self.attempts - self.interruptions


class BeatLeaseQuerySet(models.QuerySet["BeatLease"]):
    """The claim of one Beat, by conditional updates and PostgreSQL's clock."""

    def renew(self, holder: UUID) -> bool:
        """Claim the lease, or renew it; return False while another Beat holds it."""
        is_free = Q(holder=None) | Q(holder=holder) | Q(renewed_at__lt=Now() - BEAT_LEASE)
        claim = {"holder": holder, "renewed_at": Now()}
        if self.filter(is_free).update(**claim):
            return True
        # The row is there after the first start, unless the table was emptied.
        self.bulk_create([BeatLease(**claim)], ignore_conflicts=True)
        return bool(self.filter(holder=holder).update(renewed_at=Now()))

    def release(self, holder: UUID) -> None:
        """Let another Beat claim the lease at once."""
        self.filter(holder=holder).update(holder=None)


class BeatLease(models.Model):
    """Which of several Beats sends the periodic tasks: one row. Also its heartbeat.

    A session's advisory lock would be lost behind a PgBouncer with transaction pooling.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    # Null after an orderly stop.
    holder = models.UUIDField(null=True)
    renewed_at = models.DateTimeField()

    objects = BeatLeaseQuerySet.as_manager()

    class Meta:
        """There is one lease."""

        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="outbox_beat_lease_is_one")
        ]

    def __str__(self) -> str:
        """Return the holder."""
        return str(self.holder)
