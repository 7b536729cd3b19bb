"""Webhooks and the log of their deliveries."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Self, TypeVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Case, Exists, F, Max, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from core.database.ids import first_id_at, new_id
from core.security.actor import Actor
from users.activity.models import Event
from users.organizations.models import Organization
from users.organizations.policy import MANAGERS
from users.webhooks.policy import may_list_webhooks
from users.webhooks.states import WebhookDeliveryError, WebhookDeliveryState, WebhookDisabledReason
from users.webhooks.targets import URL_MAX_LENGTH, host_of

Rows = TypeVar("Rows", bound="models.QuerySet[Any]")
SELECTION_MAX_LENGTH: Final = 5_000
# Waiting deliveries of a webhook, beyond which it reads no further events.
MAX_PENDING: Final = 10_000
# Of a worker for a webhook: longer than a batch may take.
CLAIM: Final = timedelta(seconds=60)


def reason_choices() -> list[tuple[str, Any]]:
    """Return all reasons. A callable, so that a new one needs no migration."""
    return WebhookDisabledReason.choices


def state_choices() -> list[tuple[str, Any]]:
    """Return all states. A callable, so that a new one needs no migration."""
    return WebhookDeliveryState.choices


def error_choices() -> list[tuple[str, str]]:
    """Return all errors. A callable, so that a new one needs no migration."""
    return [(error.value, error.value) for error in WebhookDeliveryError]


def _visible(rows: Rows, actor: Actor, memberships: str) -> Rows:
    """Return the rows that an actor sees; ``memberships`` is the path to their organisation's."""
    if not may_list_webhooks(actor):
        return rows.none()
    if actor.is_superuser:
        return rows
    managing = {f"{memberships}__user_id": actor.user_id, f"{memberships}__role__in": MANAGERS}
    return rows.filter(**managing)


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Webhooks."""

    def visible_to(self, actor: Actor) -> Self:
        """Administrators see all; others see those of the organisations that they manage."""
        return _visible(self, actor, "organization__memberships")

    def enabled(self) -> Self:
        """Return webhooks that receive events."""
        return self.filter(disabled_at=None)

    def reading(self, *, before: int) -> Self:
        """Return enabled webhooks with room that have not read the events before a position."""
        pending = WebhookDelivery.objects.pending().filter(webhook=OuterRef("pk")).order_by()
        is_full = Exists(pending[MAX_PENDING - 1 : MAX_PENDING])
        return self.enabled().filter(~is_full, position__lt=before)

    def due(self) -> Self:
        """Return enabled webhooks with deliveries to attempt now, and no worker on them."""
        now = timezone.now()
        ready = WebhookDelivery.objects.ready().filter(webhook=OuterRef("pk"))
        is_unpaused = Q(resume_at=None) | Q(resume_at__lte=now)
        return self.enabled().filter(
            Q(claimed_until=None) | Q(claimed_until__lte=now),
            (is_unpaused & Exists(ready)) | Exists(ready.requested()),
        )

    def claimed(self) -> Self:
        """Return webhooks with a worker on them, disabled ones among them."""
        return self.filter(claimed_until__gt=timezone.now())

    def slow(self) -> Self:
        """Return webhooks whose receiver has held a worker lately."""
        return self.filter(slow_until__gt=timezone.now())

    def in_turn(self) -> Self:
        """Order by the last turn of the owner's slow webhooks, then of the webhook."""
        of_owner = Webhook.objects.slow().filter(owner=OuterRef("owner")).order_by()
        last = of_owner.values("owner").annotate(last=Max("claimed_until")).values("last")
        return self.order_by(
            Subquery(last).asc(nulls_first=True), F("claimed_until").asc(nulls_first=True), "pk"
        )

    def with_expired_secrets(self) -> Self:
        """Return webhooks whose previous secret no longer signs."""
        return self.filter(previous_secret_expires_at__lte=Now())


class Webhook(models.Model):
    """A URL to which chosen events are sent, as its owner may see them.

    Of an organisation, it receives the organisation's events; otherwise those of the service.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        null=True,
        verbose_name=_("organisation"),
        related_name="webhooks",
        db_index=False,
    )
    # Who created it. Null once the owner was erased.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
    )
    url = models.CharField(_("URL"), max_length=URL_MAX_LENGTH)
    tags = ArrayField(models.CharField(max_length=64), verbose_name=_("events"))
    selection = models.TextField(
        _("selection"),
        max_length=SELECTION_MAX_LENGTH,
        # Django leaves the length of a text to forms.
        validators=[MaxLengthValidator(SELECTION_MAX_LENGTH)],
    )
    # Sealed under SECRET_KEY and bound to the row; see `manage.py reseal_secrets`.
    secret = models.CharField(max_length=200)
    # Signs besides the other one until it expires; empty if there is none.
    previous_secret = models.CharField(max_length=200, blank=True, default="")
    previous_secret_expires_at = models.DateTimeField(_("previous secret expires"), null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    disabled_at = models.DateTimeField(_("disabled"), null=True)
    disabled_reason = models.CharField(
        _("reason"), max_length=10, choices=reason_choices, blank=True, default=""
    )
    # The place in the audit trail of the last event that was queued or not wanted.
    position = models.BigIntegerField()
    # The number of its last turn, and until when a worker has claimed that, or when it ended.
    turn = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    # When the receiver was first unreachable or refused a delivery, since it accepted one.
    failing_since = models.DateTimeField(_("failing since"), null=True)
    # How often it was unreachable in a row, and when to try again.
    pauses = models.PositiveSmallIntegerField(default=0)
    resume_at = models.DateTimeField(_("next attempt"), null=True)
    # Until when it shares a worker with other slow ones.
    slow_until = models.DateTimeField(null=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        """Listed by organisation."""

        # Relations from other types must apply `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(tags=[]), name="webhook_has_tags"),
            models.CheckConstraint(
                condition=Q(disabled_at=None, disabled_reason="")
                | (Q(disabled_at__isnull=False) & ~Q(disabled_reason="")),
                name="webhook_disabled_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_secret_expires_at=None)
                | (~Q(previous_secret="") & Q(previous_secret_expires_at__isnull=False)),
                name="webhook_previous_secret_expires",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "id"], name="webhook_organization"),
        ]

    def __str__(self) -> str:
        """Return the host; the rest of the URL may be secret."""
        return capfirst(f"{self._meta.verbose_name} {host_of(self.url)}")

    @property
    def is_enabled(self) -> bool:
        """Whether it receives events."""
        return self.disabled_at is None

    @property
    def is_paused(self) -> bool:
        """Whether its receiver was unreachable, so that only requested deliveries are sent."""
        return self.resume_at is not None and self.resume_at > timezone.now()

    @property
    def is_slow(self) -> bool:
        """Whether its receiver has held a worker lately."""
        return self.slow_until is not None and self.slow_until > timezone.now()


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Deliveries."""

    def visible_to(self, actor: Actor) -> Self:
        """Deliveries are visible with their webhook."""
        return _visible(self, actor, "webhook__organization__memberships")

    def pending(self) -> Self:
        """Return deliveries that will be attempted."""
        return self.filter(state=WebhookDeliveryState.PENDING)

    def ready(self) -> Self:
        """Return deliveries to attempt now: due, and the first of their webhook and subject.

        A subquery: `NOT EXISTS` becomes a join, which reads each subject's row for each row until
        the table has statistics.
        """
        of_subject = WebhookDelivery.objects.pending().filter(
            webhook=OuterRef("webhook"), ordering_key=OuterRef("ordering_key")
        )
        first = Subquery(of_subject.order_by("position").values("pk")[:1])
        return self.pending().filter(Q(ordering_key=None) | Q(pk=first), next_attempt_at__lte=Now())

    def requested(self) -> Self:
        """Return deliveries whose next attempt a user has requested; they do not pause."""
        return self.filter(state=WebhookDeliveryState.PENDING, is_requested=True)

    def ended_before(self, moment: datetime) -> Self:
        """Return ended deliveries that were queued before a moment."""
        return self.exclude(state=WebhookDeliveryState.PENDING).filter(pk__lt=first_id_at(moment))

    def fail_pending(self) -> None:
        """End waiting deliveries, because their webhook was disabled.

        The log keeps the error of the last attempt.
        """
        self.pending().update(
            state=WebhookDeliveryState.FAILED,
            error=Case(
                When(attempts=0, then=Value(WebhookDeliveryError.WEBHOOK_DISABLED.value)),
                default=F("error"),
            ),
            next_attempt_at=None,
            is_requested=False,
        )


class WebhookDelivery(models.Model):
    """An event on its way to a webhook, and how the last attempt ended.

    What is sent is not stored, but rendered for each attempt.
    """

    # Also the `webhook-id`, by which receivers recognise repetitions.
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    webhook = models.ForeignKey(
        Webhook,
        on_delete=models.CASCADE,
        verbose_name=_("webhook"),
        related_name="deliveries",
        db_index=False,
    )
    event = models.ForeignKey(
        Event,
        on_delete=models.DO_NOTHING,
        verbose_name=_("event"),
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    # The event's place in the audit trail, and its subject or organisation: deliveries with the
    # same key are attempted in this order.
    position = models.BigIntegerField()
    ordering_key = models.UUIDField(null=True)
    state = models.CharField(
        _("state"), max_length=10, choices=state_choices, default=WebhookDeliveryState.PENDING
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("queued"), auto_now_add=True)
    # Null unless pending.
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    # When to give up.
    retry_until = models.DateTimeField()
    # Whether the next attempt is a test or a repetition on purpose.
    is_requested = models.BooleanField(default=False, db_default=False)
    # The last attempt.
    attempted_at = models.DateTimeField(_("last attempt"), null=True)
    status_code = models.PositiveSmallIntegerField(_("status"), null=True)
    duration_ms = models.PositiveIntegerField(_("milliseconds"), null=True)
    error = models.CharField(
        _("error"), max_length=40, choices=error_choices, blank=True, default=""
    )

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        """An event is queued once for each webhook."""

        base_manager_name = "objects"
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints: ClassVar = [
            # The event first: an erasure finds deliveries by their events.
            models.UniqueConstraint(fields=["event", "webhook"], name="webhook_delivery_unique"),
            models.CheckConstraint(
                condition=Q(state=WebhookDeliveryState.PENDING, next_attempt_at__isnull=False)
                | (~Q(state=WebhookDeliveryState.PENDING) & Q(next_attempt_at=None)),
                name="webhook_delivery_pending_has_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["webhook", "id"], name="webhook_delivery_order"),
            models.Index(fields=["webhook", "state", "id"], name="webhook_delivery_by_state"),
            # Partial: most deliveries have ended.
            models.Index(
                fields=["webhook", "ordering_key", "position"],
                name="webhook_delivery_pending",
                condition=Q(state=WebhookDeliveryState.PENDING),
            ),
            models.Index(
                fields=["webhook"],
                name="webhook_delivery_requested",
                condition=Q(state=WebhookDeliveryState.PENDING, is_requested=True),
            ),
            # Of the metrics.
            models.Index(
                fields=["id"],
                name="webhook_delivery_waiting",
                condition=Q(state=WebhookDeliveryState.PENDING),
            ),
            models.Index(fields=["attempted_at"], name="webhook_delivery_attempted"),
        ]

    def __str__(self) -> str:
        """Return when it was queued."""
        queued = date_format(timezone.localtime(self.created_at), "SHORT_DATETIME_FORMAT")
        return capfirst(f"{self._meta.verbose_name} {queued}")
