"""Bulk actions in GraphQL."""

from collections.abc import Iterable
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from engine.relay.connection import KeysetConnection
from engine.relay.nested import nested_connection
from schema.accounts.filters import as_input
from schema.accounts.types.users import User
from schema.context import Info
from schema.enums import describe_enum
from schema.error_codes import ErrorCode
from users.bulk import models
from users.bulk.actions import BulkActionKind
from users.bulk.querysets import BulkActionQuerySet, BulkFailureQuerySet
from users.bulk.selection import Selection
from users.bulk.states import BulkActionState

describe_enum(BulkActionKind)
describe_enum(
    BulkActionState,
    {
        BulkActionState.PENDING: "It waits for a worker.",
        BulkActionState.RUNNING: "A worker goes from one person to the next.",
        BulkActionState.COMPLETED: "Everybody was visited.",
        BulkActionState.CANCELED: "Somebody cancelled it.",
        BulkActionState.STOPPED: "Whoever started it may not do this any more.",
        BulkActionState.FAILED: "It cannot be carried out as stored; users processed before stay "
        "changed. Start another one.",
    },
)


@strawberry_django.type(models.BulkFailure)
class BulkFailure:
    """Somebody whom a bulk action left as they were, and why."""

    user: User | None = strawberry_django.field(description="Who; null for whom you may not see.")
    code: ErrorCode = strawberry_django.field(
        description="The reason, as the mutation for one person gives it."
    )

    @classmethod
    def get_queryset(cls, queryset: BulkFailureQuerySet, info: Info) -> BulkFailureQuerySet:
        """Whatever leads to refusals leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class BulkFailureConnection(KeysetConnection[BulkFailure]):  # type: ignore[type-var]  # not a Node
    """A page of refusals, the first ones first."""


@strawberry_django.type(models.BulkAction)
class BulkAction(relay.Node):
    """Something that is done to all people of a selection."""

    id: relay.NodeID[UUID]
    action: BulkActionKind = strawberry_django.field(
        field_name="kind", description="What is done to each person."
    )
    state: BulkActionState = strawberry_django.field(description="How far it is.")
    requester: User | None = strawberry_django.field(description="Who started it.")
    total: auto = strawberry_django.field(
        description="How many people were selected when it was started."
    )
    done: auto = strawberry_django.field(description="How many people it changed.")
    unchanged: auto = strawberry_django.field(
        description="How many people were already as it would have made them."
    )
    failed: auto = strawberry_django.field(description="How many people it was refused for.")
    created_at: auto = strawberry_django.field(description="When it was started.")
    started_at: auto = strawberry_django.field(
        description="When a worker began; null if none has yet."
    )
    finished_at: auto = strawberry_django.field(
        description="When it came to its end; null until then."
    )

    @strawberry_django.field(only=["arguments"])
    def arguments(self: models.BulkAction) -> JSON:
        """What the action was given, called as in the input."""
        return {
            to_camel_case(name): str(relay.GlobalID("Group", str(value)))
            if name == "group_id"
            else value
            for name, value in self.arguments.items()
        }

    @strawberry_django.field(only=["selection"])
    def search(self: models.BulkAction) -> str | None:
        """What people were searched for; null if they were not, or as `filter` is."""
        return Selection.from_json(self.selection).search if self.selection else None

    @strawberry_django.field(only=["selection"])
    def filter(self: models.BulkAction) -> JSON | None:
        """Which people, as a `UserFilter`; without conditions, if none was given.

        Null if the selection named somebody who was erased since.
        """
        return as_input(Selection.from_json(self.selection).filter) if self.selection else None

    @nested_connection(BulkFailureConnection, parent="bulk_action")
    def failures(self) -> Iterable[BulkFailure]:
        """Whom it left as they were, in the order in which it visited people."""
        return models.BulkFailure.objects.in_order()

    @classmethod
    def get_queryset(cls, queryset: BulkActionQuerySet, info: Info) -> BulkActionQuerySet:
        """Whatever leads to bulk actions leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class BulkActionConnection(KeysetConnection[BulkAction]):
    """A page of bulk actions, newest first."""
