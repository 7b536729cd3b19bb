"""Bulk actions, and the users for whom they failed."""

from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.accounts.models import user_key
from users.bulk.actions import ACTIONS
from users.bulk.errors import ERROR_CODES
from users.jobs.models import (
    Job,
    JobErrorQuerySet,
    ends_once,
    job_indexes,
    one_live_per_requester,
)


def kind_choices() -> list[tuple[str, Any]]:
    """Return all kinds. A callable, so that a new kind needs no migration."""
    return [(kind, action.title) for kind, action in ACTIONS.items()]


def code_choices() -> list[tuple[str, str]]:
    """Return all error codes. A callable, so that a new code needs no migration."""
    return [(code.value, code.value) for codes in ERROR_CODES for code in codes]


class BulkAction(Job):
    """An action on all users of a selection, and its progress.

    Users are processed in id order. Ids are UUIDv7, so the action's own id is the upper bound:
    users created after the start are skipped.
    """

    kind = models.CharField(_("action"), max_length=40, choices=kind_choices)
    arguments = models.JSONField(_("arguments"), default=dict)
    # None once a user whom it named was erased.
    selection = models.JSONField(_("selection"), encoder=DjangoJSONEncoder, null=True)
    # The number of selected users at the start.
    total = models.PositiveIntegerField(_("people"))
    # The last processed user.
    cursor = models.UUIDField(null=True)

    class Meta:
        """At most one live action per requester: two would only contend for row locks."""

        # Relations from other types must apply `visible_to`, too.
        base_manager_name = "objects"
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        constraints: ClassVar = [
            one_live_per_requester("bulk_action_live_unique"),
            ends_once("bulk_action_ends_once"),
        ]
        indexes: ClassVar = job_indexes("bulk_action")

    def __str__(self) -> str:
        """Return the kind and the id."""
        return f"{self.kind} {self.pk}"


class BulkFailureQuerySet(JobErrorQuerySet):
    """Failures of bulk actions."""

    job = "bulk_action"


class BulkFailure(models.Model):
    """A user for whom the bulk action's service raised an error, and its code."""

    bulk_action = models.ForeignKey(
        BulkAction, on_delete=models.CASCADE, related_name="failures", db_index=False
    )
    user = user_key(verbose_name=_("person"))
    code = models.CharField(_("reason"), max_length=40, choices=code_choices)

    objects: ClassVar = BulkFailureQuerySet.as_manager()

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
