"""Bulk actions, and the users for whom they failed."""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from core.security.actor import Actor
from users.accounts.models import user_key
from users.bulk.actions import ACTIONS
from users.bulk.errors import ERROR_CODES
from users.bulk.states import LIVE, BulkActionState
from users.scopes import Scope


def kind_choices() -> list[tuple[str, Any]]:
    """Return all kinds. A callable, so that a new kind needs no migration."""
    return [(kind, action.title) for kind, action in ACTIONS.items()]


def state_choices() -> list[tuple[str, Any]]:
    """Return all states. A callable, so that a new state needs no migration."""
    return BulkActionState.choices


def code_choices() -> list[tuple[str, str]]:
    """Return all error codes. A callable, so that a new code needs no migration."""
    return [(code.value, code.value) for codes in ERROR_CODES for code in codes]


class BulkActionQuerySet(models.QuerySet["BulkAction"]):
    """Bulk actions."""

    def visible_to(self, actor: Actor) -> Self:
        """Administrators see all bulk actions; other users see those that they started.

        Requires the scope to start one: read-only tokens and impersonations see none.
        """
        if not (actor.is_authenticated and actor.allows(Scope.USERS_WRITE)):
            return self.none()
        return self if actor.is_superuser else self.filter(requester_id=actor.user_id)

    def live(self) -> Self:
        """Return pending and running actions."""
        return self.filter(state__in=LIVE)

    def ended(self) -> Self:
        """Return ended actions."""
        return self.exclude(state__in=LIVE)

    def finished_before(self, age: timedelta) -> Self:
        """Return actions that ended at least ``age`` ago."""
        return self.filter(finished_at__lte=timezone.now() - age)


class BulkAction(models.Model):
    """An action on all users of a selection, and its progress.

    Users are processed in id order. Ids are UUIDv7, so the action's own id is the upper bound:
    users created after the start are skipped.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    requester = user_key("bulk_actions", verbose_name=_("asked for by"))
    # The API token of the request, if any. The token may have been deleted since.
    token_id = models.UUIDField(null=True)
    kind = models.CharField(_("action"), max_length=40, choices=kind_choices)
    arguments = models.JSONField(_("arguments"), default=dict)
    # None once a user whom it named was erased.
    selection = models.JSONField(_("selection"), encoder=DjangoJSONEncoder, null=True)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=state_choices,
        default=BulkActionState.PENDING,
    )
    # The number of selected users at the start, and the numbers by outcome.
    total = models.PositiveIntegerField(_("people"))
    done = models.PositiveIntegerField(_("done"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    failed = models.PositiveIntegerField(_("refused"), default=0)
    # The last processed user, and the number of finished turns.
    cursor = models.UUIDField(null=True)
    turn = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    started_at = models.DateTimeField(_("begun"), null=True)
    finished_at = models.DateTimeField(_("ended"), null=True)

    objects = BulkActionQuerySet.as_manager()

    class Meta:
        """At most one live action per requester: two would only contend for row locks."""

        # Relations from other types must apply `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["requester"], condition=Q(state__in=LIVE), name="bulk_action_live_unique"
            ),
            models.CheckConstraint(
                condition=Q(state__in=LIVE, finished_at=None)
                | (~Q(state__in=LIVE) & Q(finished_at__isnull=False)),
                name="bulk_action_ends_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["requester", "id"], name="bulk_action_requester"),
            models.Index(fields=["finished_at"], name="bulk_action_finished"),
        ]

    def __str__(self) -> str:
        """Return the kind and the id."""
        return f"{self.kind} {self.pk}"

    @property
    def is_live(self) -> bool:
        """Whether the action is pending or running."""
        return self.state in LIVE


class BulkFailureQuerySet(models.QuerySet["BulkFailure"]):
    """Failures of bulk actions."""

    def visible_to(self, actor: Actor) -> Self:
        """Failures are visible with their bulk action."""
        if not (actor.is_authenticated and actor.allows(Scope.USERS_WRITE)):
            return self.none()
        return self if actor.is_superuser else self.filter(bulk_action__requester_id=actor.user_id)

    def in_order(self) -> Self:
        """Return failures oldest first."""
        return self.order_by("id")


class BulkFailure(models.Model):
    """A user for whom the bulk action's service raised an error, and its code."""

    bulk_action = models.ForeignKey(
        BulkAction, on_delete=models.CASCADE, related_name="failures", db_index=False
    )
    user = user_key(verbose_name=_("person"))
    code = models.CharField(_("reason"), max_length=40, choices=code_choices)

    objects = BulkFailureQuerySet.as_manager()

    class Meta:
        """At most one per user and action."""

        base_manager_name = "objects"
        verbose_name = _("refusal")
        verbose_name_plural = _("refusals")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "bulk_action"], name="bulk_failure_person_unique"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["bulk_action", "id"], name="bulk_failure_order")]

    def __str__(self) -> str:
        """Return the code and the row's id."""
        return f"{self.code} #{self.pk}"
