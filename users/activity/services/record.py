"""Recording events."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from core.database.rows import insert
from core.outbox.registry import publish
from core.security.actor import Actor
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag

NOTHING: Mapping[str, Any] = MappingProxyType({})


def record(
    tag: Tag,
    *,
    actor: Actor,
    subject_id: UUID | None,
    organization: UUID | None = None,
    personal: Mapping[str, Any] = NOTHING,
    **data: Any,
) -> Event:
    """Record an event and publish it to the tag's subscribers, in the caller's transaction.

    Subscribers get ``event_id``. ``data`` is permanent, so it must not contain secrets or personal
    data. ``personal`` is erasable; the actor's IP address and device are added to it. The event
    names the organisation, the API token and the bulk action, if any. In an impersonation its actor
    is the administrator, and ``on_behalf_of`` is the impersonated user.
    """
    if organization is not None:
        data["organization"] = organization
    if actor.token_id is not None:
        data["by_token"] = actor.token_id
    if actor.bulk_action_id is not None:
        data["bulk_action"] = actor.bulk_action_id
    if actor.impersonator_id is not None:
        data["on_behalf_of"] = actor.user_id
    event = Event(
        tag=tag,
        actor_id=actor.impersonator_id or actor.user_id,
        subject_id=subject_id,
        organization_id=organization,
        session_id=actor.session_id,
        data=data,
    )
    origin = {"ip": actor.ip, "user_agent": actor.user_agent}
    values = {name: value for name, value in origin.items() if value} | dict(personal)
    details = EventDetails.of(values) if values else None
    if details:
        event.details_digest = details.digest()
    insert(event)
    if details:
        details.event = event
        insert(details)
    publish(tag, event_id=str(event.pk))
    return event
