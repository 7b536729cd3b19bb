"""Carrying bulk actions out: in turns, and in each one person after the other.

A turn is one message of the outbox, which one worker has at a time. People are visited by their
ids, a page at a time, and the row remembers who was last: whatever the action does to those who
are visited, nobody comes twice, and it ends. What the single-person service does and what is
remembered of it are two transactions, for the services' own are durable; between the two a worker
may be killed. So a turn that goes on looks at the last event first: the service records what it
changes in its own transaction, and the event names the bulk action.
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
from users.activity.models import Event
from users.activity.querysets import EventQuerySet
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.sessions.credentials import actor_without_request
from users.bulk.actions import ACTIONS, from_json
from users.bulk.errors import BulkErrorCode
from users.bulk.models import BulkAction, BulkFailure
from users.bulk.policy import may_act_in_bulk
from users.bulk.selection import Selection
from users.bulk.states import BulkActionState

logger = logging.getLogger(__name__)

TOPIC: Final = "bulk:turn"
# The requester's rights are looked at again before each page.
PAGE: Final = 100
# Far below what a task may take; other tasks have their turn, too.
TURN: Final = timedelta(seconds=5)
# How far the clocks of two machines may be apart.
SKEW: Final = timedelta(hours=1)
# What a selection or arguments raise that no later attempt can carry out: former versions stored
# what is refused today, or PostgreSQL does not take it. Failures of the database are others.
UNUSABLE: Final = (
    *(DomainError, InputRejectedError, ValidationError, DataError),
    *(ArithmeticError, LookupError, TypeError, ValueError),
)


def carry_out(bulk_action_id: UUID, *, turn: int) -> None:
    """Take a turn, and hand the next one on, unless the action is over.

    An action that can never be carried out as stored ends as failed.

    A message that comes again does nothing, if its turn was finished, and goes on with it if it
    was not.
    """
    bulk_action = BulkAction.objects.live().filter(pk=bulk_action_id, turn=turn).first()
    if bulk_action is None:
        return
    pending = BulkAction.objects.filter(pk=bulk_action_id, state=BulkActionState.PENDING)
    is_new = pending.update(state=BulkActionState.RUNNING, started_at=timezone.now())
    if not is_new:
        _catch_up(bulk_action)
    try:
        end = _take_turn(bulk_action)
    except (ForbiddenError, InsufficientScopeError):
        end = BulkActionState.STOPPED
    except UNUSABLE:
        # The message would come again and fail again, for ever.
        logger.exception("bulk action %s cannot be carried out", bulk_action.pk)
        end = BulkActionState.FAILED
    if end is not None:
        _finish(bulk_action, end)


def _take_turn(bulk_action: BulkAction) -> BulkActionState | None:
    """Visit people for a while; return how the action ends, if it does so here."""
    ends_at = time.monotonic() + TURN.total_seconds()
    while True:
        actor = _actor(bulk_action)
        if actor is None:
            return BulkActionState.STOPPED
        people = next_page(bulk_action, actor=actor)
        if not people:
            return BulkActionState.COMPLETED
        for user_id in people:
            if not _visit(bulk_action, user_id, actor=actor):
                return None
            if time.monotonic() >= ends_at:
                _schedule_next_turn(bulk_action)
                return None


def _catch_up(bulk_action: BulkAction) -> None:
    """Remember whom a worker that was killed had changed and not remembered, if there is one.

    It need not be who comes next: whom the action changed may not meet the conditions any more.
    """
    events = _effects(bulk_action).filter(
        actor_id=bulk_action.requester_id, subject_id__isnull=False
    )
    newest = events.order_by("-pk").values_list("subject_id", flat=True).first()
    if newest is not None and (bulk_action.cursor is None or newest > bulk_action.cursor):
        _note(bulk_action, newest, "done")


def _actor(bulk_action: BulkAction) -> Actor | None:
    """Return the requester as they may act now; None once they may not do this any more."""
    actor = actor_without_request(bulk_action.requester_id, token_id=bulk_action.token_id)
    rules = (may_act_in_bulk, ACTIONS[bulk_action.kind].rule)
    if actor is None or not all(rule(actor) for rule in rules):
        return None
    return replace(actor, bulk_action_id=bulk_action.pk)


def next_page(bulk_action: BulkAction, *, actor: Actor) -> Sequence[UUID]:
    """Return who comes next, of those who meet the conditions now."""
    # Only of those that have ended is it ever forgotten.
    selection = cast("Mapping[str, Any]", bulk_action.selection)
    people = Selection.from_json(selection).people(actor)
    people = people.filter(pk__lt=bulk_action.pk).order_by("pk")
    if bulk_action.cursor is not None:
        people = people.filter(pk__gt=bulk_action.cursor)
    return [user.pk for user in first_rows(people.only("pk"), PAGE)]


def _visit(bulk_action: BulkAction, user_id: UUID, *, actor: Actor) -> bool:
    """Do it to one person and remember how it went; return whether to go on."""
    if user_id == actor.user_id:
        return _note(bulk_action, user_id, "failed", code=BulkErrorCode.OWN_ACCOUNT)
    action = ACTIONS[bulk_action.kind]
    try:
        action.carry_out(user_id, actor=actor, **from_json(bulk_action.arguments))
    except InputRejectedError as refusal:
        return _note(bulk_action, user_id, "failed", code=refusal.problems[0].code)
    except DomainError as refusal:
        return _note(bulk_action, user_id, "failed", code=refusal.code)
    outcome = "done" if _was_changed(bulk_action, user_id) else "unchanged"
    return _note(bulk_action, user_id, outcome)


def _was_changed(bulk_action: BulkAction, user_id: UUID) -> bool:
    """Return whether the service did something to the person, by the event that it recorded."""
    return _effects(bulk_action).filter(subject_id=user_id).exists()


def _effects(bulk_action: BulkAction) -> EventQuerySet:
    """Return the events of what was done to people who were visited.

    Whose sessions end may have acted in the name of somebody else, to whom nothing is done.
    """
    events = Event.objects.since(bulk_action.created_at - SKEW)
    return events.filter(data__bulk_action=str(bulk_action.pk)).exclude(tag=Tag.IMPERSONATION_ENDED)


def _note(
    bulk_action: BulkAction, user_id: UUID, outcome: str, *, code: ErrorCode | None = None
) -> bool:
    """Remember that the person was visited; return whether the action is still to go on.

    One that was cancelled meanwhile counts the person, too.
    """
    visited = {"cursor": user_id, outcome: F(outcome) + 1}
    with transaction.atomic():
        row = BulkAction.objects.filter(pk=bulk_action.pk)
        if code is not None:
            BulkFailure.objects.create(bulk_action=bulk_action, user_id=user_id, code=code)
        goes_on = row.filter(state=BulkActionState.RUNNING).update(**visited)
        if not goes_on:
            row.update(**visited)
    bulk_action.cursor = user_id
    return bool(goes_on)


def _finish(bulk_action: BulkAction, state: BulkActionState) -> None:
    """End an action that nobody ended before."""
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
    """End this turn and announce the next one, both or neither."""
    turn = bulk_action.turn
    with transaction.atomic():
        rows = BulkAction.objects.live().filter(pk=bulk_action.pk, turn=turn)
        if rows.update(turn=turn + 1):
            publish(TOPIC, bulk_action_id=str(bulk_action.pk), turn=turn + 1)
