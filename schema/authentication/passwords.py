"""Changing a password, and getting a new one by mail."""

import strawberry

from schema.accounts.own import own_id
from schema.accounts.types import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
from schema.nodes import node_key
from users.authentication.services.passwords import (
    change_password,
    request_password_reset,
    require_password_reset,
    reset_password,
)


@strawberry.input(description="Your password, and another in its place.")
class ChangePasswordInput:
    """What changing one's password takes."""

    current_password: str = strawberry.field(description="The password you have now.")
    new_password: str = strawberry.field(description="At least 12 characters; any will do.")


@strawberry.input(description="Where to mail the link.")
class RequestPasswordResetInput:
    """What asking for a reset takes."""

    email: str = strawberry.field(description="The address of the account, in any case.")


@strawberry.type(description="The same answer for known and unknown addresses.")
class RequestPasswordResetPayload(Payload):
    """Tells errors only."""


@strawberry.input(description="What the mailed link carries, and the new password.")
class ResetPasswordInput:
    """What resetting takes."""

    token: str = strawberry.field(description="The part of the link after `#token=`.")
    new_password: str = strawberry.field(description="At least 12 characters; any will do.")


@strawberry.type(description="Whose password it is.")
class ResetPasswordPayload(Payload):
    """The person, who is not signed in yet."""

    username: str | None = strawberry.field(
        default=None, description="Whose password it is; null if the input was refused."
    )


@strawberry.input(description="Who needs a new password.")
class RequirePasswordResetInput:
    """What requiring a reset takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")


@strawberry.type
class PasswordsMutation:
    """Passwords."""

    @mutation("Changes your password, and signs you out everywhere else.")
    def change_password(self, info: Info, input: ChangePasswordInput) -> UserPayload:
        """Change the actor's own password."""
        change = change_password(own_id(info), actor=info.context.actor, **vars(input))
        info.context.session_cookie = change.cookie
        return UserPayload(user_id=change.user.pk)

    @mutation("Mails a link to choose a new password to the address's owner, if there is one.")
    def request_password_reset(
        self, info: Info, input: RequestPasswordResetInput
    ) -> RequestPasswordResetPayload:
        """Leave it to a worker whether there is anybody to write to."""
        request_password_reset(actor=info.context.actor, **vars(input))
        return RequestPasswordResetPayload()

    @mutation("Gives the reader of a mailed link a new password, and ends all sessions.")
    def reset_password(self, info: Info, input: ResetPasswordInput) -> ResetPasswordPayload:
        """Reset the password of whoever the link was mailed to."""
        user = reset_password(actor=info.context.actor, **vars(input))
        return ResetPasswordPayload(username=user.username)

    @mutation(
        "Takes a person's password away and mails them the way to another; for administrators."
    )
    def require_password_reset(self, info: Info, input: RequirePasswordResetInput) -> UserPayload:
        """Make the person choose another password."""
        user_id = node_key(input.user_id, "User")
        user = require_password_reset(user_id, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
