"""Deleting accounts, and having them back."""

import datetime as dt

import strawberry

from schema.accounts.own_id import require_self_id
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.inputs import PasswordConfirmation, TokenInput, UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from schema.scopes import NoScope
from users.authentication.sessions.credentials import anonymous_actor
from users.privacy.services.deletion import (
    cancel_deletion,
    cancel_user_deletion,
    delete_me,
    delete_user,
)


@strawberry.input
class DeleteMeInput(PasswordConfirmation):
    """Proof that the owner asks."""


@strawberry.type
class DeleteMePayload(Payload):
    """When the account will be erased."""

    # The caller is signed out, so there is no user to show.

    due_at: dt.datetime | None = strawberry.field(
        default=None, description="Until when the mailed link undoes it."
    )


@strawberry.input
class CancelDeletionInput(TokenInput):
    """What the mailed link carries."""


@strawberry.type
class CancelDeletionPayload(Payload):
    """Whose account stays."""

    # The link works without authentication, so this tells no more than the link proves.

    username: str | None = strawberry.field(
        default=None, description="What the person signs in with."
    )


@strawberry.input
class DeleteUserInput(UserIdInput):
    """Whose account to delete."""


@strawberry.input
class CancelUserDeletionInput(UserIdInput):
    """Whose account is to stay."""


@strawberry.type
class DeletionMutation:
    """Deletions."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def delete_me(self, info: Info, input: DeleteMeInput) -> DeleteMePayload:
        """Deactivate your account at once, and erase it after a grace period.

        A mailed link undoes it.
        """
        actor = info.context.actor
        due_at = delete_me(require_self_id(info), actor=actor, password=input.password)
        info.context.end_session(anonymous_actor(actor))
        return DeleteMePayload(due_at=due_at)

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def cancel_deletion(self, info: Info, input: CancelDeletionInput) -> CancelDeletionPayload:
        """Cancel the deletion of an account, by the mailed link. The token is single-use."""
        user = cancel_deletion(input.token, actor=info.context.actor)
        return CancelDeletionPayload(username=user.username)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def delete_user(self, info: Info, input: DeleteUserInput) -> UserPayload:
        """Delete a user's account as `deleteMe` does, for administrators."""
        user = delete_user(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def cancel_user_deletion(self, info: Info, input: CancelUserDeletionInput) -> UserPayload:
        """Cancel the deletion of a user's account within the grace period, for administrators."""
        user_id = node_key(input.user_id, "User")
        user = cancel_user_deletion(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
