"""Canceling bulk actions, and pruning ended ones."""

from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.database.batches import delete_in_batches
from core.errors import GenericErrorCode, Problem
from core.security.actor import Actor
from users.bulk.models import BulkAction, BulkFailure
from users.bulk.services.run import BULK_ACTIONS
from users.jobs.services.cancel import cancel_job_of_kind


def cancel_bulk_action(bulk_action_id: UUID | None, *, actor: Actor) -> BulkAction:
    """Cancel a bulk action; the worker stops after the current user.

    See `cancel_job_of_kind`.
    """
    missing = _("There is no such bulk action.")
    return cancel_job_of_kind(
        BULK_ACTIONS,
        bulk_action_id,
        actor=actor,
        if_missing=Problem(GenericErrorCode.NOT_FOUND, missing, ("bulk_action_id",)),
    )


def prune_bulk_actions() -> None:
    """Delete actions that ended `settings.BULK_ACTION_RETENTION` ago; their events are kept."""
    outdated = BulkAction.objects.finished_before(settings.BULK_ACTION_RETENTION)
    delete_in_batches(BulkFailure.objects.filter(bulk_action__in=outdated))
    delete_in_batches(outdated)
