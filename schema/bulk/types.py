"""The bulk action type."""

from collections.abc import Iterable
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay
from strawberry.scalars import JSON
from strawberry.utils.str_converters import to_camel_case

from engine.relay.connection import KeysetConnection
from engine.relay.nested import nested_connection
from schema.accounts.types.users import User
from schema.context import Info
from schema.directory.filters import filter_to_json
from schema.enums import describe_enum
from schema.error_codes import ErrorCode
from users.bulk import models
from users.bulk.actions import BulkActionKind
from users.bulk.models import BulkActionQuerySet, BulkFailureQuerySet
from users.bulk.selection import Selection
from users.bulk.states import BulkActionState

describe_enum(BulkActionKind)
describe_enum(
    BulkActionState,
    {
        BulkActionState.PENDING: "Waiting for a worker.",
        BulkActionState.RUNNING: "A worker is processing the users one by one.",
        BulkActionState.COMPLETED: "All selected users were processed.",
        BulkActionState.CANCELED: "Cancelled by an administrator.",
        BulkActionState.STOPPED: "The requester or the API token lost the right to do this.",
        BulkActionState.FAILED: "Cannot be executed as stored. Users processed before stay "
        "changed. Start a new bulk action.",
    },
)


@strawberry_django.type(models.BulkFailure)
class BulkFailure:
    """A user whom a bulk action could not change, and the reason."""

    user: User | None = strawberry_django.field(description="The user; null if not visible to you.")
    code: ErrorCode = strawberry_django.field(
        description="Error code of the corresponding mutation for a single user."
    )

    @classmethod
    def get_queryset(cls, queryset: BulkFailureQuerySet, info: Info) -> BulkFailureQuerySet:
        """Restrict every access path to visible failures."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class BulkFailureConnection(KeysetConnection[BulkFailure]):  # type: ignore[type-var]  # not a Node
    """A page of failures, in the order of processing."""


@strawberry_django.type(models.BulkAction)
class BulkAction(relay.Node):
    """A background action on all users of a selection."""

    id: relay.NodeID[UUID]
    action: BulkActionKind = strawberry_django.field(
        field_name="kind", description="Action that is run on each user."
    )
    state: BulkActionState = strawberry_django.field(description="Current state.")
    requester: User | None = strawberry_django.field(
        description="Administrator who started it; null if not visible to you."
    )
    total: auto = strawberry_django.field(description="Number of users selected at the start.")
    done: auto = strawberry_django.field(description="Number of users changed.")
    unchanged: auto = strawberry_django.field(
        description="Number of users who were already in the desired state."
    )
    failed: auto = strawberry_django.field(
        description="Number of users for whom the action was refused; see `failures`."
    )
    created_at: auto = strawberry_django.field(description="When it was requested.")
    started_at: auto = strawberry_django.field(
        description="When a worker began to process it; null before."
    )
    finished_at: auto = strawberry_django.field(description="When it ended; null before.")

    @strawberry_django.field(only=["arguments"])
    def arguments(self: models.BulkAction) -> JSON:
        """Arguments of the action, named as in `StartBulkActionInput`."""
        return {
            to_camel_case(name): str(relay.GlobalID("Group", str(value)))
            if name == "group_id"
            else value
            for name, value in self.arguments.items()
        }

    @strawberry_django.field(only=["selection"])
    def search(self: models.BulkAction) -> str | None:
        """Search words of the selection; null without any, or if `filter` is null."""
        return Selection.from_json(self.selection).search if self.selection else None

    @strawberry_django.field(only=["selection"])
    def filter(self: models.BulkAction) -> JSON | None:
        """Filter of the selection, as a `UserFilter`; an empty object without conditions.

        Null if the selection named a user who has been erased since.
        """
        return (
            filter_to_json(Selection.from_json(self.selection).filter) if self.selection else None
        )

    @nested_connection(BulkFailureConnection, parent="bulk_action")
    def failures(self) -> Iterable[BulkFailure]:
        """Users for whom the action was refused, in the order of processing."""
        return models.BulkFailure.objects.in_order()

    @classmethod
    def get_queryset(cls, queryset: BulkActionQuerySet, info: Info) -> BulkActionQuerySet:
        """Restrict every access path to visible bulk actions."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class BulkActionConnection(KeysetConnection[BulkAction]):
    """A page of bulk actions, newest first."""
