"""Bulk actions, and whom they left as they were."""

from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.database.ids import new_id
from users.accounts.fields import user_key
from users.bulk.actions import ACTIONS
from users.bulk.errors import ERROR_CODES
from users.bulk.querysets import BulkActionQuerySet, BulkFailureQuerySet
from users.bulk.states import LIVE, BulkActionState


def kind_choices() -> list[tuple[str, Any]]:
    """Return every kind; a function, so that a new one needs no migration."""
    return [(kind, action.title) for kind, action in ACTIONS.items()]


def state_choices() -> list[tuple[str, Any]]:
    """Return every state; a function, for the same reason."""
    return BulkActionState.choices


def code_choices() -> list[tuple[str, str]]:
    """Return every code; a function, for the same reason."""
    return [(code.value, code.value) for codes in ERROR_CODES for code in codes]


class BulkAction(models.Model):
    """One action on all people of a selection, and how far it is.

    People are visited by their ids. Ids grow with time, so the row's own is the bound: whoever
    comes later is not visited.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    requester = user_key("bulk_actions", verbose_name=_("asked for by"))
    # The API token that spoke for the requester, if one did. It may be gone since.
    token_id = models.UUIDField(null=True)
    kind = models.CharField(_("action"), max_length=40, choices=kind_choices)
    arguments = models.JSONField(_("arguments"), default=dict)
    # None when it named somebody who was erased since.
    selection = models.JSONField(_("selection"), encoder=DjangoJSONEncoder, null=True)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=state_choices,
        default=BulkActionState.PENDING,
    )
    # How many people were selected when it began, and what became of them.
    total = models.PositiveIntegerField(_("people"))
    done = models.PositiveIntegerField(_("done"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    failed = models.PositiveIntegerField(_("refused"), default=0)
    # Who was visited last, and how many turns workers have finished.
    cursor = models.UUIDField(null=True)
    turn = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    started_at = models.DateTimeField(_("begun"), null=True)
    finished_at = models.DateTimeField(_("ended"), null=True)

    objects = BulkActionQuerySet.as_manager()

    class Meta:
        """One at a time a person: two would only wait for each other."""

        # Joins from other types go through `visible_to`, too.
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
        """Name the kind and the row."""
        return f"{self.kind} {self.pk}"

    @property
    def is_live(self) -> bool:
        """Whether it goes on."""
        return self.state in LIVE


class BulkFailure(models.Model):
    """Somebody whom the service of a bulk action refused, and why."""

    bulk_action = models.ForeignKey(
        BulkAction, on_delete=models.CASCADE, related_name="failures", db_index=False
    )
    user = user_key(verbose_name=_("person"))
    code = models.CharField(_("reason"), max_length=40, choices=code_choices)

    objects = BulkFailureQuerySet.as_manager()

    class Meta:
        """Nobody is visited twice."""

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
        """Name the code and the row."""
        return f"{self.code} #{self.pk}"
