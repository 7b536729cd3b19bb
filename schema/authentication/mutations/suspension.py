"""Mutations that suspend and reactivate users."""

import datetime as dt

import strawberry

from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.inputs import UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from users.authentication.services.suspension import reactivate_user, suspend_user
from users.scopes import Scope


@strawberry.input
class SuspendUserInput(UserIdInput):
    """The user to suspend, the reason and the end."""

    reason: str = strawberry.field(description="Reason, 1 to 500 characters; visible to staff.")
    until: dt.datetime | None = strawberry.field(
        default=None,
        description="When the suspension ends; in the future. Default: until `reactivateUser`.",
    )


@strawberry.input
class ReactivateUserInput(UserIdInput):
    """The user to reactivate."""


@strawberry.type
class SuspensionMutation:
    """Suspensions."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def suspend_user(self, info: Info, input: SuspendUserInput) -> UserPayload:
        """Suspend a user immediately, until a time or until reactivated. Administrators only."""
        user = suspend_user(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            reason=input.reason,
            until=input.until,
        )
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def reactivate_user(self, info: Info, input: ReactivateUserInput) -> UserPayload:
        """Reactivate a suspended or deactivated user. Administrators only."""
        user_id = node_key(input.user_id, "User")
        user = reactivate_user(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
