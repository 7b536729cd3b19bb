"""Mutations that delete accounts and cancel deletions."""

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
    """Confirmation by your password."""


@strawberry.type
class DeleteMePayload(Payload):
    """The pending deletion."""

    # No user: the mutation ends the session.

    due_at: dt.datetime | None = strawberry.field(
        default=None,
        description="When the account is erased. Until then the mailed link cancels the deletion.",
    )


@strawberry.input
class CancelDeletionInput(TokenInput):
    """The token of a mailed cancellation link."""


@strawberry.type
class CancelDeletionPayload(Payload):
    """The account that is kept."""

    # No user: the link proves control of the mailbox, and needs no authentication.

    username: str | None = strawberry.field(default=None, description="Username of the account.")


@strawberry.input
class DeleteUserInput(UserIdInput):
    """The user whose account to delete."""


@strawberry.input
class CancelUserDeletionInput(UserIdInput):
    """The user whose deletion to cancel."""


@strawberry.type
class DeletionMutation:
    """Deletion of accounts."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def delete_me(self, info: Info, input: DeleteMeInput) -> DeleteMePayload:
        """Deactivate your account immediately, and erase it after a grace period.

        Until then, a mailed link cancels the deletion.
        """
        actor = info.context.actor
        due_at = delete_me(require_self_id(info), actor=actor, password=input.password)
        info.context.end_session(anonymous_actor(actor))
        return DeleteMePayload(due_at=due_at)

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def cancel_deletion(self, info: Info, input: CancelDeletionInput) -> CancelDeletionPayload:
        """Cancel the deletion of an account with the mailed token, which is single-use."""
        user = cancel_deletion(input.token, actor=info.context.actor)
        return CancelDeletionPayload(username=user.username)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def delete_user(self, info: Info, input: DeleteUserInput) -> UserPayload:
        """Delete a user's account, as `deleteMe` does. Administrators only."""
        user = delete_user(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def cancel_user_deletion(self, info: Info, input: CancelUserDeletionInput) -> UserPayload:
        """Cancel the deletion of a user within the grace period. Administrators only."""
        user_id = node_key(input.user_id, "User")
        user = cancel_user_deletion(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
