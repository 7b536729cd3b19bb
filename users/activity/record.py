"""Recording what happened."""

from typing import Any
from uuid import UUID

from core.actor import Actor
from core.outbox.registry import publish
from users.activity.models import Event
from users.activity.tags import Tag


def record(tag: Tag, *, actor: Actor, subject_id: UUID | None, **data: Any) -> Event:
    """Add an event and publish it to the tag's subscribers, in the caller's transaction.

    Subscribers get ``event_id``. ``data`` must hold nothing secret: it is kept for good.
    """
    event = Event.objects.create(
        tag=tag,
        actor_id=actor.user_id,
        subject_id=subject_id,
        session_id=actor.session_id,
        data=data,
    )
    publish(tag, event_id=event.pk)
    return event
