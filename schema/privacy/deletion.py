"""Deleting accounts, and having them back."""

import datetime as dt

import strawberry

from schema.accounts.own import own_id
from schema.accounts.types import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
from schema.nodes import node_key
from users.authentication.actors import nobody_at
from users.privacy.services.deletion import (
    cancel_deletion,
    cancel_user_deletion,
    delete_me,
    delete_user,
)


@strawberry.input(description="Proof that the owner asks.")
class DeleteMeInput:
    """What deleting one's account takes."""

    password: str = strawberry.field(description="The current password.")


@strawberry.type(description="When the account will be erased.")
class DeleteMePayload(Payload):
    """Whoever was signed in is no more, so there is no person to show."""

    due_at: dt.datetime | None = strawberry.field(
        default=None, description="Until when the mailed link undoes it."
    )


@strawberry.input(description="What the mailed link carries.")
class CancelDeletionInput:
    """What undoing takes."""

    token: str = strawberry.field(description="The part of the mailed link behind `#token=`.")


@strawberry.type(description="Whose account stays.")
class CancelDeletionPayload(Payload):
    """The link works without being signed in, so it tells no more than it proves."""

    username: str | None = strawberry.field(
        default=None, description="What the person signs in with."
    )


@strawberry.input(description="Whose account to delete.")
class DeleteUserInput:
    """What deleting somebody takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")


@strawberry.input(description="Whose account is to stay.")
class CancelUserDeletionInput:
    """What undoing it takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")


@strawberry.type
class DeletionMutation:
    """Deletions."""

    @mutation(
        "Shuts your account at once and erases it after a time of grace; a mailed link undoes it."
    )
    def delete_me(self, info: Info, input: DeleteMeInput) -> DeleteMePayload:
        """Shut the actor's own account, and have the view clear the cookie."""
        actor = info.context.actor
        due_at = delete_me(own_id(info), actor=actor, password=input.password)
        info.context.session_is_over(nobody_at(actor))
        return DeleteMePayload(due_at=due_at)

    @mutation("Undoes the deletion of an account, by the mailed link. The token works once.")
    def cancel_deletion(self, info: Info, input: CancelDeletionInput) -> CancelDeletionPayload:
        """Keep the account."""
        user = cancel_deletion(input.token, actor=info.context.actor)
        return CancelDeletionPayload(username=user.username)

    @mutation("Does to somebody's account what `deleteMe` does to one's own; for administrators.")
    def delete_user(self, info: Info, input: DeleteUserInput) -> UserPayload:
        """Shut somebody's account."""
        user = delete_user(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)

    @mutation("Undoes the deletion of somebody's account, while there is time; for administrators.")
    def cancel_user_deletion(self, info: Info, input: CancelUserDeletionInput) -> UserPayload:
        """Keep somebody's account."""
        user_id = node_key(input.user_id, "User")
        user = cancel_user_deletion(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
