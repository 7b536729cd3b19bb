"""Changing a password, and getting a new one by mail."""

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
    """Your password, and another in its place."""

    current_password: str = strawberry.field(description="The password you have now.")
    new_password: str = strawberry.field(description="At least 12 characters; any will do.")


@strawberry.input
class RequestPasswordResetInput:
    """Where to mail the link."""

    email: str = strawberry.field(description="The address of the account, in any case.")


@strawberry.input
class ResetPasswordInput(TokenInput):
    """What the mailed link carries, and the new password."""

    new_password: str = strawberry.field(description="At least 12 characters; any will do.")


@strawberry.type
class ResetPasswordPayload(Payload):
    """Whose password it is."""

    username: str | None = strawberry.field(
        default=None, description="Whose password it is; null if the input was refused."
    )


@strawberry.input
class RequirePasswordResetInput(UserIdInput):
    """Who needs a new password."""


@strawberry.type
class PasswordsMutation:
    """Passwords."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def change_password(self, info: Info, input: ChangePasswordInput) -> UserPayload:
        """Change your password, and end all your other sessions."""
        change = change_password(require_self_id(info), actor=info.context.actor, **vars(input))
        info.context.session_cookie = change.cookie
        return UserPayload(user_id=change.user.pk)

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def request_password_reset(self, info: Info, input: RequestPasswordResetInput) -> None:
        """Mail a link to choose a new password to the owner of the address, if there is one.

        The answer is the same for known and unknown addresses.
        """
        request_password_reset(actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def reset_password(self, info: Info, input: ResetPasswordInput) -> ResetPasswordPayload:
        """Set a new password by a mailed link, and end all sessions."""
        user = reset_password(actor=info.context.actor, **vars(input))
        return ResetPasswordPayload(username=user.username)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def require_password_reset(self, info: Info, input: RequirePasswordResetInput) -> UserPayload:
        """Invalidate a user's password and mail them a link to set another, for administrators."""
        user_id = node_key(input.user_id, "User")
        user = require_password_reset(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
