"""Recording events."""

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone
from prometheus_client import Counter

from core.database.commits import announce_change
from core.database.copies import copy_rows
from core.database.ids import new_id
from core.database.rows import insert
from core.outbox.registry import publish
from core.security.actor import Actor
from users.activity.models import Event, EventDetails
from users.activity.tags import Tag

EVENTS: Final = Counter("events", "Events of the audit trail, by tag; not those of jobs.", ["tag"])
NOTHING: Mapping[str, Any] = MappingProxyType({})


class ManyRecorded(NamedTuple):
    """What differs between the events of `record_many`."""

    subject_id: UUID
    organization: UUID | None = None
    data: Mapping[str, Any] = NOTHING


def record_many(tag: Tag, events: Iterable[ManyRecorded], *, actor: Actor) -> None:
    """Record events of a tag without subscribers, in the caller's transaction.

    For background jobs: the actor's IP address and device are not recorded.
    """
    actor_id, now = actor.impersonator_id or actor.user_id, timezone.now()
    copy_rows(
        Event,
        ("id", "tag", "actor_id", "subject_id", "organization_id", "data", "created_at"),
        (
            (
                new_id(),
                tag.value,
                actor_id,
                event.subject_id,
                event.organization,
                json.dumps(
                    {**event.data, **_references(actor, event.organization)}, cls=DjangoJSONEncoder
                ),
                now,
            )
            for event in events
        ),
    )
    announce_change()


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
    names the organisation, the API token and the job, if any. In an impersonation its actor
    is the administrator, and ``on_behalf_of`` is the impersonated user.
    """
    event = Event(
        tag=tag,
        actor_id=actor.impersonator_id or actor.user_id,
        subject_id=subject_id,
        organization_id=organization,
        session_id=actor.session_id,
        data=data | _references(actor, organization),
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
    transaction.on_commit(EVENTS.labels(tag).inc, robust=True)
    return event


def _references(actor: Actor, organization: UUID | None) -> dict[str, Any]:
    """Return what an event's data names besides its own values."""
    data: dict[str, Any] = {}
    if organization is not None:
        data["organization"] = organization
    if actor.token_id is not None:
        data["by_token"] = actor.token_id
    if actor.job is not None:
        data[actor.job.key] = actor.job.id
    if actor.impersonator_id is not None:
        data["on_behalf_of"] = actor.user_id
    return data
