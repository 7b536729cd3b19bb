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
from schema.enums import describe_enum
from schema.error_codes import ErrorCode
from schema.jobs.selection import filter_field, search_field
from schema.jobs.types import Job, JobError, JobErrorConnection
from users.bulk import models
from users.bulk.actions import BulkActionKind
from users.bulk.models import BulkFailureQuerySet

describe_enum(BulkActionKind)


@strawberry_django.type(models.BulkFailure)
class BulkFailure(JobError):  # noqa: N818 - not an exception
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
class BulkFailureConnection(  # type: ignore[misc]  # both have `nodes`
    KeysetConnection[BulkFailure],  # type: ignore[type-var]  # not a Node
    JobErrorConnection,
):
    """A page of failures, in the order of processing."""


@strawberry_django.type(models.BulkAction)
class BulkAction(Job):
    """A background action on all users of a selection."""

    id: relay.NodeID[UUID]
    action: BulkActionKind = strawberry_django.field(
        field_name="kind", description="Action that is run on each user."
    )
    search: str | None = search_field()
    filter: JSON | None = filter_field()
    total: auto = strawberry_django.field(description="Number of users selected at the start.")
    done: auto = strawberry_django.field(description="Number of users changed.")
    unchanged: auto = strawberry_django.field(
        description="Number of users who were already in the desired state."
    )
    failed: auto = strawberry_django.field(
        description="Number of users for whom the action was refused; see `errors`."
    )

    @strawberry_django.field(only=["arguments"])
    def arguments(self: models.BulkAction) -> JSON:
        """Arguments of the action, named as in `StartBulkActionInput`."""
        return {
            to_camel_case(name): str(relay.GlobalID("Group", str(value)))
            if name == "group_id"
            else value
            for name, value in self.arguments.items()
        }

    @nested_connection(
        BulkFailureConnection,
        parent="bulk_action",
        deprecation_reason="Since 2026-12-01. Use `errors`, which all jobs have.",
    )
    def failures(self) -> Iterable[BulkFailure]:
        """Users for whom the action was refused, in the order of processing."""
        return models.BulkFailure.objects.in_order()

    @nested_connection(BulkFailureConnection, parent="bulk_action")
    def errors(self) -> Iterable[BulkFailure]:
        """Users for whom the action was refused, in the order of processing."""
        return models.BulkFailure.objects.in_order()


@strawberry.type
class BulkActionConnection(KeysetConnection[BulkAction]):
    """A page of bulk actions, newest first."""
