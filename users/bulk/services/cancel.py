"""Canceling bulk actions, and pruning ended ones."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.database.batches import delete_in_batches
from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import require
from users.activity.services.record import record
from users.activity.tags import Tag
from users.bulk.models import BulkAction, BulkFailure
from users.bulk.policy import may_act_in_bulk
from users.bulk.states import BulkActionState


@transaction.atomic(durable=True)
def cancel_bulk_action(bulk_action_id: UUID | None, *, actor: Actor) -> BulkAction:
    """Cancel a bulk action; the worker stops after the current user.

    Changes already made are kept. Administrators may cancel each other's actions. A no-op for an
    ended action. Raises `InputRejectedError` if there is no such visible action, and the policy's
    errors.
    """
    require(actor, may_act_in_bulk)
    visible = BulkAction.objects.visible_to(actor).select_for_update()
    bulk_action = visible.filter(pk=bulk_action_id).first() if bulk_action_id else None
    if bulk_action is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND, _("There is no such bulk action."), ("bulk_action_id",)
            )
        )
    if bulk_action.is_live:
        bulk_action.state = BulkActionState.CANCELED
        bulk_action.finished_at = timezone.now()
        bulk_action.save(update_fields=["state", "finished_at"])
        record(Tag.BULK_ACTION_CANCELED, actor=actor, subject_id=None, bulk_action=bulk_action.pk)
    return bulk_action


def prune_bulk_actions() -> None:
    """Delete actions that ended `settings.BULK_ACTION_RETENTION` ago; their events are kept."""
    outdated = BulkAction.objects.finished_before(settings.BULK_ACTION_RETENTION)
    delete_in_batches(BulkFailure.objects.filter(bulk_action__in=outdated))
    delete_in_batches(outdated)
