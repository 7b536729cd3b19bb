"""Mutations that start and cancel bulk actions."""

import datetime as dt
from uuid import UUID

import strawberry

from engine.relay.total_count import TotalCount
from schema.bulk.types import BulkAction
from schema.context import Info
from schema.directory.filters import NO_GROUP, UserFilter, spec_of
from schema.errors import Payload, input_errors
from schema.mutation import mutation
from schema.nodes import node_key
from schema.payloads import changed_object
from users.bulk import models
from users.bulk.actions import BulkActionKind
from users.bulk.services.cancel import cancel_bulk_action
from users.bulk.services.start import SelectionChangedError, start_bulk_action
from users.jobs.selection import Selection
from users.scopes import Scope


@strawberry.input
class StartBulkActionInput:
    """The action, and the selection of users."""

    action: BulkActionKind = strawberry.field(description="Action to run on each user.")
    filter: UserFilter | None = strawberry.field(
        default=None, description="Conditions that the users must meet, as in `users`."
    )
    search: str | None = strawberry.field(
        default=None,
        description="Words to find, as in `users`. Combined with `filter`, both must match.",
    )
    everybody: bool = strawberry.field(
        default=False,
        description="Whether to select all users. Required if there is no `filter` or `search`.",
    )
    expected_count: int = strawberry.field(
        description="Number of selected users that you expect. If it differs, the error is "
        "`SELECTION_CHANGED` and no user is changed."
    )
    reason: str | None = strawberry.field(
        default=None,
        description="Reason, for `SUSPEND`: 1 to 500 characters; visible to staff.",
    )
    until: dt.datetime | None = strawberry.field(
        default=None,
        description="When the suspension ends, for `SUSPEND`. Default: until `reactivateUser`.",
    )
    group_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="`id` of the group, for `ADD_TO_GROUP` and `REMOVE_FROM_GROUP`.",
    )


@strawberry.input
class CancelBulkActionInput:
    """The bulk action to cancel."""

    bulk_action_id: strawberry.ID = strawberry.field(description="`id` of the bulk action.")


@strawberry.type
class BulkActionPayload(Payload):
    """The bulk action after the mutation."""

    bulk_action_id: strawberry.Private[UUID | None] = None
    bulk_action: BulkAction | None = changed_object(models.BulkAction, "bulk_action_id")


@strawberry.type
class StartBulkActionPayload(BulkActionPayload):
    """The started bulk action or, if the selection changed, its size."""

    selected_count: TotalCount | None = strawberry.field(
        default=None,
        description="Number of selected users if it differs from `expectedCount`; exact up to "
        "10,000 or `expectedCount`, the larger of the two.",
    )


@strawberry.type
class BulkMutation:
    """Bulk actions."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def start_bulk_action(self, info: Info, input: StartBulkActionInput) -> StartBulkActionPayload:
        """Start an action on all selected users. Administrators only.

        It runs in the background; `bulkAction` reports its progress. Each administrator can run one
        at a time.
        """
        group = input.group_id
        try:
            bulk_action = start_bulk_action(
                actor=info.context.actor,
                kind=input.action,
                arguments={
                    "reason": input.reason,
                    "until": input.until,
                    "group_id": None if group is None else node_key(group, "Group") or NO_GROUP,
                },
                selection=Selection(spec_of(input.filter), input.search),
                everybody=input.everybody,
                expected_count=input.expected_count,
            )
        except SelectionChangedError as error:
            return StartBulkActionPayload(
                errors=input_errors(error),
                selected_count=TotalCount(value=error.found, is_exact=error.is_exact),
            )
        return StartBulkActionPayload(bulk_action_id=bulk_action.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def cancel_bulk_action(self, info: Info, input: CancelBulkActionInput) -> BulkActionPayload:
        """Cancel a bulk action after the current user; completed changes are kept."""
        key = node_key(input.bulk_action_id, "BulkAction")
        bulk_action = cancel_bulk_action(key, actor=info.context.actor)
        return BulkActionPayload(bulk_action_id=bulk_action.pk)
