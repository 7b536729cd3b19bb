"""Mutations that change and reset passwords, and undo changes of the primary address."""

import strawberry

from schema.accounts.own_id import require_self_id
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.inputs import TokenInput, UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from schema.scopes import NoScope
from users.authentication.services.email_reversal import undo_email_change
from users.authentication.services.passwords import (
    change_password,
    request_password_reset,
    require_password_reset,
    reset_password,
)


@strawberry.input
class ChangePasswordInput:
    """Your current and your new password."""

    current_password: str = strawberry.field(description="Your current password.")
    new_password: str = strawberry.field(description="At least 12 characters of any kind.")


@strawberry.input
class RequestPasswordResetInput:
    """The address to mail the reset link to."""

    email: str = strawberry.field(description="Address of the account; case-insensitive.")


@strawberry.input
class ResetPasswordInput(TokenInput):
    """The token of a reset link, and the new password."""

    new_password: str = strawberry.field(description="At least 12 characters of any kind.")
    revoke: bool = strawberry.field(
        default=False,
        description="Whether to revoke the API tokens and delete the data exports as well.",
    )


@strawberry.type
class RemainingAccess:
    """What still gives access to an account after a reset of its password.

    Remove second factors and addresses after signing in: a mailbox alone must not.
    """

    api_tokens: int = strawberry.field(description="Number of valid API tokens.")
    passkeys: int = strawberry.field(description="Number of passkeys.")
    authenticator_apps: int = strawberry.field(description="Number of authenticator apps.")
    data_exports: int = strawberry.field(
        description="Number of data exports that have not expired."
    )
    email_addresses: int = strawberry.field(
        description="Number of secondary addresses, by each of which the password can be reset."
    )


@strawberry.type
class ResetPasswordPayload(Payload):
    """The account whose password was reset."""

    username: str | None = strawberry.field(
        default=None, description="Username of the account; null if the input was rejected."
    )
    remaining_access: RemainingAccess | None = strawberry.field(
        default=None,
        description="What to show to the user to revoke; null if the input was rejected.",
    )


@strawberry.input
class UndoEmailChangeInput(TokenInput):
    """The token that was mailed to the former primary address."""


@strawberry.type
class UndoEmailChangePayload(Payload):
    """The restored address."""

    # No user: the link proves control of the mailbox, and needs no authentication.

    email: str | None = strawberry.field(default=None, description="The primary address again.")


@strawberry.input
class RequirePasswordResetInput(UserIdInput):
    """The user who must set a new password."""


@strawberry.type
class PasswordsMutation:
    """Passwords, and undone changes of the primary address."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def change_password(self, info: Info, input: ChangePasswordInput) -> UserPayload:
        """Change your password, and end your other sessions."""
        change = change_password(require_self_id(info), actor=info.context.actor, **vars(input))
        info.context.session_cookie = change.cookie
        return UserPayload(user_id=change.user.pk)

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def request_password_reset(self, info: Info, input: RequestPasswordResetInput) -> None:
        """Mail a password reset link to the address, if it has an account.

        To prevent enumeration, the payload does not reveal whether it has one.
        """
        request_password_reset(actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def reset_password(self, info: Info, input: ResetPasswordInput) -> ResetPasswordPayload:
        """Set a new password with the token of a reset link, and end all sessions."""
        reset = reset_password(actor=info.context.actor, **vars(input))
        return ResetPasswordPayload(
            username=reset.user.username, remaining_access=RemainingAccess(**reset.remaining)
        )

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def undo_email_change(self, info: Info, input: UndoEmailChangeInput) -> UndoEmailChangePayload:
        """Make the former primary address, which got the token by mail, the primary one again.

        Invalidates the password, ends all sessions, and mails a password reset link if the user is
        active. The token is single-use and expires after some days.
        """
        user = undo_email_change(actor=info.context.actor, **vars(input))
        return UndoEmailChangePayload(email=user.email)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def require_password_reset(self, info: Info, input: RequirePasswordResetInput) -> UserPayload:
        """Invalidate a user's password, and mail the user a reset link. Administrators only."""
        user_id = node_key(input.user_id, "User")
        user = require_password_reset(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
