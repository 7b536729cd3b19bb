"""Starting and cancelling bulk actions."""

import datetime as dt
from uuid import UUID

import strawberry

from engine.relay.total_count import TotalCount
from schema.accounts.filters import NO_GROUP, UserFilter
from schema.bulk.types import BulkAction
from schema.context import Info
from schema.errors import Payload, input_errors
from schema.mutation import mutation
from schema.nodes import node_key
from schema.payloads import changed_object
from users.accounts.filters import UserFilterSpec
from users.bulk import models
from users.bulk.actions import BulkActionKind
from users.bulk.selection import Selection
from users.bulk.services.cancel import cancel_bulk_action
from users.bulk.services.start import SelectionChangedError, start_bulk_action
from users.scopes import Scope


@strawberry.input
class StartBulkActionInput:
    """What to do to which people."""

    action: BulkActionKind = strawberry.field(description="What is done to each person.")
    filter: UserFilter | None = strawberry.field(
        default=None, description="Which people, as of `users`."
    )
    search: str | None = strawberry.field(
        default=None, description="Which people, as of `users`; both conditions must hold."
    )
    everybody: bool = strawberry.field(
        default=False, description="Whether all people are meant: true if nothing selects them."
    )
    expected_count: int = strawberry.field(
        description="How many people are selected, as you saw it. If it is another number, "
        "nobody is touched."
    )
    reason: str | None = strawberry.field(
        default=None, description="Of suspensions; 1 to 500 characters, for staff to read."
    )
    until: dt.datetime | None = strawberry.field(
        default=None,
        description="Of suspensions: a moment to come; without one, until reactivated.",
    )
    group_id: strawberry.ID | None = strawberry.field(
        default=None, description="The `id` of the group to put people into or take them out of."
    )

    def selection(self) -> Selection:
        """Return the selection as the domain knows it."""
        filter_ = UserFilterSpec() if self.filter is None else self.filter.parsed()
        return Selection(filter_, self.search)


@strawberry.input
class CancelBulkActionInput:
    """Which bulk action is to end early."""

    bulk_action_id: strawberry.ID = strawberry.field(description="The bulk action's `id`.")


@strawberry.type
class BulkActionPayload(Payload):
    """A bulk action, as it is now."""

    bulk_action_id: strawberry.Private[UUID | None] = None
    bulk_action: BulkAction | None = changed_object(models.BulkAction, "bulk_action_id")


@strawberry.type
class StartBulkActionPayload(BulkActionPayload):
    """The bulk action that was started, or how many people there are."""

    selected_count: TotalCount | None = strawberry.field(
        default=None,
        description="How many people are selected, if that is not what was expected; counted up "
        "to what was.",
    )


@strawberry.type
class BulkMutation:
    """What is done to many people."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def start_bulk_action(self, info: Info, input: StartBulkActionInput) -> StartBulkActionPayload:
        """Start an action on all users of a selection, for administrators.

        It runs in the background; `bulkAction` shows its progress.
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
                selection=input.selection(),
                everybody=input.everybody,
                expected_count=input.expected_count,
            )
        except SelectionChangedError as refusal:
            return StartBulkActionPayload(
                errors=input_errors(refusal),
                selected_count=TotalCount(value=refusal.found, is_exact=refusal.is_exact),
            )
        return StartBulkActionPayload(bulk_action_id=bulk_action.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=False)
    def cancel_bulk_action(self, info: Info, input: CancelBulkActionInput) -> BulkActionPayload:
        """Cancel a bulk action after the user it is processing; what was done stays done."""
        key = node_key(input.bulk_action_id, "BulkAction")
        bulk_action = cancel_bulk_action(key, actor=info.context.actor)
        return BulkActionPayload(bulk_action_id=bulk_action.pk)
