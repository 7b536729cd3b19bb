"""Mutations that change and reset passwords."""

import strawberry

from schema.accounts.own_id import require_self_id
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.inputs import TokenInput, UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from schema.scopes import NoScope
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


@strawberry.type
class ResetPasswordPayload(Payload):
    """The account whose password was reset."""

    username: str | None = strawberry.field(
        default=None, description="Username of the account; null if the input was rejected."
    )


@strawberry.input
class RequirePasswordResetInput(UserIdInput):
    """The user who must set a new password."""


@strawberry.type
class PasswordsMutation:
    """Passwords."""

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
        user = reset_password(actor=info.context.actor, **vars(input))
        return ResetPasswordPayload(username=user.username)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def require_password_reset(self, info: Info, input: RequirePasswordResetInput) -> UserPayload:
        """Invalidate a user's password, and mail the user a reset link. Administrators only."""
        user_id = node_key(input.user_id, "User")
        user = require_password_reset(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
