"""Shutting people out, and letting them in again."""

import datetime as dt

import strawberry

from schema.accounts.types import UserPayload
from schema.context import Info
from schema.mutations import mutation
from schema.nodes import node_key
from users.authentication.services.suspension import reactivate_user, suspend_user


@strawberry.input(description="Whom to shut out, why, and until when.")
class SuspendUserInput:
    """What suspending takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")
    reason: str = strawberry.field(description="1 to 500 characters, for staff to read.")
    until: dt.datetime | None = strawberry.field(
        default=None,
        description="A moment to come, with its time zone; without one, until reactivated.",
    )


@strawberry.input(description="Whom to let in again.")
class ReactivateUserInput:
    """What reactivating takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")


@strawberry.type
class SuspensionMutation:
    """Suspensions."""

    @mutation("Shuts a person out at once, for a while or until reactivated; for administrators.")
    def suspend_user(self, info: Info, input: SuspendUserInput) -> UserPayload:
        """Suspend, or change reason and end."""
        user = suspend_user(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            reason=input.reason,
            until=input.until,
        )
        return UserPayload(user_id=user.pk)

    @mutation("Lets a suspended person sign in again; for administrators.")
    def reactivate_user(self, info: Info, input: ReactivateUserInput) -> UserPayload:
        """Reactivate."""
        user_id = node_key(input.user_id, "User")
        user = reactivate_user(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
