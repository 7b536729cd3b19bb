"""Running bulk actions; a worker processes users one by one.

Users are processed page by page in id order, and the row stores a cursor, so that each user is
processed once and the action terminates whatever it changes. The single-user service and the update
of the cursor are two transactions, because the services' own are durable; a worker may be killed
between them. A resumed turn therefore reads the action's newest event first: the service records it
in its own transaction.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from core.errors import DomainError, ErrorCode, InputRejectedError
from core.security.actor import Actor
from engine.sql.filtered_page import first_rows
from users.activity.models import Event, EventQuerySet
from users.activity.tags import Tag
from users.bulk.actions import ACTIONS, from_json
from users.bulk.errors import BulkErrorCode
from users.bulk.models import BulkAction, BulkFailure
from users.jobs.kinds import JobKind, register_kind
from users.jobs.selection import selected_users
from users.jobs.services.run import advance

TOPIC: Final = "bulk:turn"
# Users per page; the requester's permissions are checked again before each page.
PAGE: Final = 100
# Maximum clock skew between two servers.
SKEW: Final = timedelta(hours=1)


def _process_page(bulk_action: BulkAction, actor: Actor) -> Iterator[bool]:
    """Process the users of the next page."""
    for user_id in next_page(bulk_action, actor=actor):
        yield _process_user(bulk_action, user_id, actor=actor)


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


BULK_ACTIONS: Final = register_kind(
    JobKind(
        model=BulkAction,
        name="bulk_action",
        topic=TOPIC,
        started=Tag.BULK_ACTION_STARTED,
        canceled=Tag.BULK_ACTION_CANCELED,
        finished=Tag.BULK_ACTION_FINISHED,
        rules=lambda bulk_action: [ACTIONS[bulk_action.kind].rule],
        process_page=_process_page,
        catch_up=_catch_up,
    )
)


def next_page(bulk_action: BulkAction, *, actor: Actor) -> Sequence[UUID]:
    """Return the ids of the next users who match the selection now, at most `PAGE`."""
    users = selected_users(bulk_action, actor).order_by("pk")
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
    """Advance the cursor and count the outcome; return whether the action is still running."""
    with transaction.atomic():
        if code is not None:
            BulkFailure.objects.create(bulk_action=bulk_action, user_id=user_id, code=code)
        is_running = advance(
            bulk_action,
            after={"cursor": bulk_action.cursor},
            cursor=user_id,
            **{outcome: F(outcome) + 1},
        )
    bulk_action.cursor = user_id
    return is_running
