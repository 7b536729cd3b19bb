"""The event type, and its filter."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay
from strawberry.scalars import JSON

from engine.relay.connection import KeysetConnection
from engine.relay.nested import nested_connection
from schema.accounts.types.users import User
from schema.context import Info
from schema.enums import describe_enum
from schema.nodes import node_key, renamed
from schema.rules import Details
from users.accounts.models import User as UserModel
from users.activity import models
from users.activity.models import EventQuerySet
from users.activity.tags import Tag

describe_enum(Tag)

# Of the fields with personal data.
PERSONAL: Final[dict[str, Any]] = {
    "only": ["actor_id", "subject_id", "details__values"],
    "select_related": ["details"],
    "extensions": [Details()],
}


@strawberry_django.type(models.Event)
class Event(relay.Node):
    """An event of the audit trail; immutable."""

    id: relay.NodeID[UUID]
    tag: Tag = strawberry_django.field(description="Kind of event.")
    created_at: auto = strawberry_django.field(description="When the event occurred.")
    actor: User | None = strawberry_django.field(
        description="User who caused the event; null for anonymous clients, for the service itself "
        "and if not visible to you."
    )
    subject: User | None = strawberry_django.field(
        description="User whom the event affects; null if there is none or not visible to you."
    )
    data: JSON = strawberry_django.field(description="Details without personal data; never erased.")

    @strawberry_django.field(**PERSONAL)
    def ip(self: models.Event) -> str | None:
        """IP address of the client; null if unknown, erased or not visible to you."""
        return self.personal_values.get("ip")

    @strawberry_django.field(**PERSONAL)
    def user_agent(self: models.Event) -> str | None:
        """User agent of the client; null if unknown, erased or not visible to you."""
        return self.personal_values.get("user_agent")

    @strawberry_django.field(**PERSONAL)
    def personal(self: models.Event) -> JSON | None:
        """Personal data, such as changed addresses; null if erased or not visible to you."""
        return {
            name: value
            for name, value in self.personal_values.items()
            if name not in {"ip", "user_agent"}
        }

    @classmethod
    def get_queryset(cls, queryset: EventQuerySet, info: Info) -> EventQuerySet:
        """Restrict every access path to visible events."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class EventConnection(KeysetConnection[Event]):
    """A page of events, newest first."""


@strawberry_django.type(UserModel)
class ActivityFields:
    """The fields of `User` about the audit trail."""

    @nested_connection(EventConnection, parent="subject")
    def events(self, info: Info) -> Iterable[Event]:
        """Events that affect the user, newest first. Visible to the user and administrators.

        Empty for others.
        """
        return models.Event.objects.findable_by(info.context.actor).order_by("-id")


@strawberry.input
class EventFilter:
    """Conditions that events must meet, all of them."""

    subject_id: strawberry.ID | None = strawberry.field(
        default=None, description="`id` of the user whom the events affect."
    )
    actor_id: strawberry.ID | None = strawberry.field(
        default=None, description="`id` of the user who caused the events."
    )
    subject: strawberry.ID | None = strawberry.field(
        default=None,
        description="`id` of the user whom the events affect.",
        deprecation_reason=renamed("subjectId"),
    )
    actor: strawberry.ID | None = strawberry.field(
        default=None,
        description="`id` of the user who caused the events.",
        deprecation_reason=renamed("actorId"),
    )
    tag: Tag | None = strawberry.field(default=None, description="Kind of event.")
    since: dt.datetime | None = strawberry.field(default=None, description="Start, inclusive.")
    before: dt.datetime | None = strawberry.field(default=None, description="End, exclusive.")

    def apply(self, events: EventQuerySet) -> EventQuerySet:
        """Filter the events by the conditions."""
        # `__in=[None]` matches nothing for an invalid id; `= None` would match anonymous events.
        subject = self.subject if self.subject_id is None else self.subject_id
        if subject is not None:
            events = events.filter(subject_id__in=[node_key(subject, "User")])
        actor = self.actor if self.actor_id is None else self.actor_id
        if actor is not None:
            events = events.filter(actor_id__in=[node_key(actor, "User")])
        if self.tag is not None:
            events = events.filter(tag=self.tag)
        if self.since is not None:
            events = events.since(self.since)
        return events.before(self.before) if self.before is not None else events
