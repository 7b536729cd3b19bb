"""Events in GraphQL."""

import datetime as dt
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay
from strawberry.scalars import JSON

from engine.relay.connection import KeysetConnection
from schema.accounts.types.users import User
from schema.context import Info
from schema.enums import describe_enum
from schema.nodes import node_key
from schema.rules import Details
from users.activity import models
from users.activity.querysets import EventQuerySet
from users.activity.tags import Tag

describe_enum(Tag)


@strawberry_django.type(models.Event)
class Event(relay.Node):
    """One thing that happened; never changed."""

    id: relay.NodeID[UUID]
    tag: Tag = strawberry_django.field(description="What happened.")
    created_at: auto = strawberry_django.field(description="When it happened.")
    actor: User | None = strawberry_django.field(
        description="Who did it; null for strangers, the service itself and whom you may not see."
    )
    subject: User | None = strawberry_django.field(
        description="To whom it happened; null for whom you may not see, and things."
    )
    data: JSON = strawberry_django.field(description="What else is kept for good.")

    @strawberry_django.field(
        only=["actor_id", "details__values"], select_related=["details"], extensions=[Details()]
    )
    def ip(self: models.Event) -> str | None:
        """From which address; null if unknown, erased, or somebody else's."""
        return self.personal_values.get("ip")

    @strawberry_django.field(
        only=["actor_id", "details__values"], select_related=["details"], extensions=[Details()]
    )
    def user_agent(self: models.Event) -> str | None:
        """With which device; null if unknown, erased, or somebody else's."""
        return self.personal_values.get("user_agent")

    @strawberry_django.field(
        only=["actor_id", "details__values"], select_related=["details"], extensions=[Details()]
    )
    def personal(self: models.Event) -> JSON | None:
        """Old and new addresses and names, and reasons; may be erased, like the device."""
        return {
            name: value
            for name, value in self.personal_values.items()
            if name not in {"ip", "user_agent"}
        }

    @classmethod
    def get_queryset(cls, queryset: EventQuerySet, info: Info) -> EventQuerySet:
        """Whatever leads to events leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class EventConnection(KeysetConnection[Event]):
    """A page of events, newest first."""


@strawberry.input
class EventFilter:
    """Which events; all conditions must hold."""

    subject: strawberry.ID | None = strawberry.field(
        default=None, description="The `id` of the person to whom they happened."
    )
    actor: strawberry.ID | None = strawberry.field(
        default=None, description="The `id` of the person who did them."
    )
    tag: Tag | None = strawberry.field(default=None, description="What happened.")
    since: dt.datetime | None = strawberry.field(default=None, description="Then or later.")
    before: dt.datetime | None = strawberry.field(default=None, description="Earlier than that.")

    def apply(self, events: EventQuerySet) -> EventQuerySet:
        """Return the events that meet the conditions."""
        # An id that is none of a person's matches nothing, where NULL would match strangers.
        if self.subject is not None:
            events = events.filter(subject_id__in=[node_key(self.subject, "User")])
        if self.actor is not None:
            events = events.filter(actor_id__in=[node_key(self.actor, "User")])
        if self.tag is not None:
            events = events.filter(tag=self.tag)
        if self.since is not None:
            events = events.since(self.since)
        return events.before(self.before) if self.before is not None else events
