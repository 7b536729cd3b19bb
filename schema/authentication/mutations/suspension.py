"""Shutting people out, and letting them in again."""

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
    """Whom to shut out, why, and until when."""

    reason: str = strawberry.field(description="1 to 500 characters, for staff to read.")
    until: dt.datetime | None = strawberry.field(
        default=None,
        description="A moment to come, with its time zone; without one, until reactivated.",
    )


@strawberry.input
class ReactivateUserInput(UserIdInput):
    """Whom to let in again."""


@strawberry.type
class SuspensionMutation:
    """Suspensions."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def suspend_user(self, info: Info, input: SuspendUserInput) -> UserPayload:
        """Suspend a user at once, for a while or until reactivated; for administrators."""
        user = suspend_user(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            reason=input.reason,
            until=input.until,
        )
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def reactivate_user(self, info: Info, input: ReactivateUserInput) -> UserPayload:
        """Let a suspended user sign in again, for administrators."""
        user_id = node_key(input.user_id, "User")
        user = reactivate_user(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
