"""Running bulk actions in turns; a worker processes users one by one.

A turn is one outbox message, which one worker holds at a time. Users are processed page by page in
id order, and the row stores a cursor, so that each user is processed once and the action terminates
whatever it changes. The single-user service and the update of the cursor are two transactions,
because the services' own are durable; a worker may be killed between them. A resumed turn therefore
reads the action's newest event first: the service records it in its own transaction.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError, transaction
from django.db.models import F
from django.utils import timezone

from core.errors import (
    DomainError,
    ErrorCode,
    ForbiddenError,
    InputRejectedError,
    InsufficientScopeError,
)
from core.outbox.registry import publish
from core.security.actor import SYSTEM, Actor
from engine.sql.filtered_page import first_rows
from users.activity.models import Event, EventQuerySet
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.sessions.credentials import background_actor
from users.bulk.actions import ACTIONS, from_json
from users.bulk.errors import BulkErrorCode
from users.bulk.models import BulkAction, BulkFailure
from users.bulk.policy import may_act_in_bulk
from users.bulk.selection import Selection
from users.bulk.states import BulkActionState

logger = logging.getLogger(__name__)

TOPIC: Final = "bulk:turn"
# Users per page; the requester's permissions are checked again before each page.
PAGE: Final = 100
# Duration of a turn: far below the task time limit, so that other tasks are not starved.
TURN: Final = timedelta(seconds=5)
# Maximum clock skew between two servers.
SKEW: Final = timedelta(hours=1)
# Permanent errors of a stored selection or stored arguments: an earlier version accepted them, or
# PostgreSQL rejects them. Transient database errors are not among them.
UNUSABLE: Final = (
    *(DomainError, InputRejectedError, ValidationError, DataError),
    *(ArithmeticError, LookupError, TypeError, ValueError),
)


def run_turn(bulk_action_id: UUID, *, turn: int) -> None:
    """Run one turn and schedule the next one, unless the action ends.

    An action with a permanent error fails. Idempotent: a redelivered message resumes an unfinished
    turn and ignores a finished one.
    """
    bulk_action = BulkAction.objects.live().filter(pk=bulk_action_id, turn=turn).first()
    if bulk_action is None:
        return
    pending = BulkAction.objects.filter(pk=bulk_action_id, state=BulkActionState.PENDING)
    is_new = pending.update(state=BulkActionState.RUNNING, started_at=timezone.now())
    if not is_new:
        _catch_up(bulk_action)
    try:
        end = _process_users(bulk_action)
    except (ForbiddenError, InsufficientScopeError):
        end = BulkActionState.STOPPED
    except UNUSABLE:
        # Retrying cannot succeed.
        logger.exception("bulk action failed", extra={"bulk_action": str(bulk_action.pk)})
        end = BulkActionState.FAILED
    if end is not None:
        _finish(bulk_action, end)


def _process_users(bulk_action: BulkAction) -> BulkActionState | None:
    """Process users for one turn; return the final state if the action ends, else None."""
    ends_at = time.monotonic() + TURN.total_seconds()
    while True:
        actor = _actor(bulk_action)
        if actor is None:
            return BulkActionState.STOPPED
        user_ids = next_page(bulk_action, actor=actor)
        if not user_ids:
            return BulkActionState.COMPLETED
        for user_id in user_ids:
            if not _process_user(bulk_action, user_id, actor=actor):
                return None
            if time.monotonic() >= ends_at:
                _schedule_next_turn(bulk_action)
                return None


def _catch_up(bulk_action: BulkAction) -> None:
    """Count a user whom a killed worker changed without advancing the cursor.

    Such a user may no longer match the selection, so the next page alone would miss them.
    """
    events = _effects(bulk_action).filter(
        actor_id=bulk_action.requester_id, subject_id__isnull=False
    )
    newest = events.order_by("-pk").values_list("subject_id", flat=True).first()
    if newest is not None and (bulk_action.cursor is None or newest > bulk_action.cursor):
        _record_outcome(bulk_action, newest, "done")


def _actor(bulk_action: BulkAction) -> Actor | None:
    """Return the requester's current actor; None if they lost the permission."""
    actor = background_actor(bulk_action.requester_id, token_id=bulk_action.token_id)
    rules = (may_act_in_bulk, ACTIONS[bulk_action.kind].rule)
    if actor is None or not all(rule(actor) for rule in rules):
        return None
    return replace(actor, bulk_action_id=bulk_action.pk)


def next_page(bulk_action: BulkAction, *, actor: Actor) -> Sequence[UUID]:
    """Return the ids of the next users who match the selection now, at most `PAGE`."""
    # Not None: erasure clears the selection of ended actions only.
    selection = cast("Mapping[str, Any]", bulk_action.selection)
    users = Selection.from_json(selection).users(actor)
    users = users.filter(pk__lt=bulk_action.pk).order_by("pk")
    if bulk_action.cursor is not None:
        users = users.filter(pk__gt=bulk_action.cursor)
    return [user.pk for user in first_rows(users.only("pk"), PAGE)]


def _process_user(bulk_action: BulkAction, user_id: UUID, *, actor: Actor) -> bool:
    """Apply the action to one user and record the outcome; return whether to continue."""
    if user_id == actor.user_id:
        return _record_outcome(bulk_action, user_id, "failed", code=BulkErrorCode.OWN_ACCOUNT)
    action = ACTIONS[bulk_action.kind]
    try:
        action.apply(user_id, actor=actor, **from_json(bulk_action.arguments))
    except InputRejectedError as error:
        return _record_outcome(bulk_action, user_id, "failed", code=error.problems[0].code)
    except DomainError as error:
        return _record_outcome(bulk_action, user_id, "failed", code=error.code)
    outcome = "done" if _was_changed(bulk_action, user_id) else "unchanged"
    return _record_outcome(bulk_action, user_id, outcome)


def _was_changed(bulk_action: BulkAction, user_id: UUID) -> bool:
    """Return whether the service changed the user, by the event that it recorded."""
    return _effects(bulk_action).filter(subject_id=user_id).exists()


def _effects(bulk_action: BulkAction) -> EventQuerySet:
    """Return the events of the action about processed users.

    Ended impersonations are excluded: their subject is the impersonated user, who is not
    processed.
    """
    events = Event.objects.since(bulk_action.created_at - SKEW)
    return events.filter(data__bulk_action=str(bulk_action.pk)).exclude(tag=Tag.IMPERSONATION_ENDED)


def _record_outcome(
    bulk_action: BulkAction, user_id: UUID, outcome: str, *, code: ErrorCode | None = None
) -> bool:
    """Advance the cursor and count the outcome; return whether the action is still running.

    The outcome is counted even if the action was canceled meanwhile.
    """
    changes = {"cursor": user_id, outcome: F(outcome) + 1}
    with transaction.atomic():
        row = BulkAction.objects.filter(pk=bulk_action.pk)
        if code is not None:
            BulkFailure.objects.create(bulk_action=bulk_action, user_id=user_id, code=code)
        is_running = row.filter(state=BulkActionState.RUNNING).update(**changes)
        if not is_running:
            row.update(**changes)
    bulk_action.cursor = user_id
    return bool(is_running)


def _finish(bulk_action: BulkAction, state: BulkActionState) -> None:
    """Set the final state, unless the action was ended meanwhile, and record an event."""
    with transaction.atomic():
        rows = BulkAction.objects.live().filter(pk=bulk_action.pk)
        if not rows.update(state=state, finished_at=timezone.now()):
            return
        bulk_action.refresh_from_db()
        record(
            Tag.BULK_ACTION_FINISHED,
            actor=SYSTEM,
            subject_id=None,
            bulk_action=bulk_action.pk,
            state=state,
            done=bulk_action.done,
            unchanged=bulk_action.unchanged,
            failed=bulk_action.failed,
        )


def _schedule_next_turn(bulk_action: BulkAction) -> None:
    """End this turn and publish the next one, in one transaction."""
    turn = bulk_action.turn
    with transaction.atomic():
        rows = BulkAction.objects.live().filter(pk=bulk_action.pk, turn=turn)
        if rows.update(turn=turn + 1):
            publish(TOPIC, bulk_action_id=str(bulk_action.pk), turn=turn + 1)
