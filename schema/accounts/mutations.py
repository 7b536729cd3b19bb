"""Mutations about people."""

from typing import Annotated, cast
from uuid import UUID

import strawberry

from schema.accounts.types import UserPayload
from schema.context import Info
from schema.errors import InputErrors, Payload
from users.accounts import policy
from users.accounts.services.profile import update_profile
from users.accounts.services.sign_up import sign_up, verify_email


@strawberry.input(description="A new account.")
class SignUpInput:
    """What signing up takes."""

    email: str = strawberry.field(description="Gets the link that completes the sign-up.")
    username: str = strawberry.field(
        description="3 to 30 letters, digits, dots, hyphens and underscores; kept in lower case."
    )
    password: str = strawberry.field(description="At least 12 characters; any will do.")
    locale: str = strawberry.field(default="en", description="The language of the mails.")


@strawberry.type(description="The same answer for known and unknown addresses.")
class SignUpPayload(Payload):
    """Tells errors only."""


@strawberry.input(description="What the mailed link carries.")
class VerifyEmailInput:
    """What verifying takes."""

    token: str = strawberry.field(description="The part of the link after `#token=`.")


@strawberry.type(description="The account that came to be.")
class VerifyEmailPayload(Payload):
    """The new user, who is not signed in yet."""

    username: str | None = strawberry.field(default=None, description="Whose account it is.")


@strawberry.input(description="The fields to change; those left out stay.")
class UpdateProfileInput:
    """Every field is optional; the service refuses null, which tells the field's path."""

    name: strawberry.Maybe[str | None] = strawberry.field(description="The name to show.")
    is_public: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether other people may find you."
    )
    bio: strawberry.Maybe[str | None] = strawberry.field(description="At most 500 characters.")
    website: strawberry.Maybe[str | None] = strawberry.field(description="An http or https URL.")
    locale: strawberry.Maybe[str | None] = strawberry.field(
        description="The language of the mails."
    )
    time_zone: strawberry.Maybe[str | None] = strawberry.field(description="An IANA time zone.")

    def changes(self) -> dict[str, str | bool | None]:
        """Return the fields that were given."""
        return {name: some.value for name, some in vars(self).items() if some is not None}


@strawberry.type(description="The changed person.")
class UpdateProfilePayload(UserPayload):
    """The person as they are now."""


@strawberry.type
class AccountsMutation:
    """Signing up and profiles."""

    @strawberry.mutation(
        extensions=[InputErrors()],
        description="Asks for an account. The address's owner gets a mail to complete it.",
    )
    def sign_up(
        self,
        info: Info,
        input: Annotated[SignUpInput, strawberry.argument(description="The account asked for.")],
    ) -> SignUpPayload:
        """Leave a pending sign-up."""
        sign_up(actor=info.context.actor, **vars(input))
        return SignUpPayload()

    @strawberry.mutation(
        extensions=[InputErrors()],
        description="Completes a sign-up. The token works once and for 24 hours.",
    )
    def verify_email(
        self,
        info: Info,
        input: Annotated[
            VerifyEmailInput, strawberry.argument(description="What the mailed link carries.")
        ],
    ) -> VerifyEmailPayload:
        """Turn the pending sign-up into a user."""
        user = verify_email(input.token, actor=info.context.actor)
        return VerifyEmailPayload(username=user.username)

    @strawberry.mutation(
        extensions=[InputErrors()], description="Changes what you tell about yourself."
    )
    def update_profile(
        self,
        info: Info,
        input: Annotated[UpdateProfileInput, strawberry.argument(description="What to change.")],
    ) -> UpdateProfilePayload:
        """Change the actor's own profile."""
        actor = info.context.actor
        policy.require(actor, policy.may_edit_profile, actor.user_id)
        user = update_profile(cast("UUID", actor.user_id), actor=actor, **input.changes())
        return UpdateProfilePayload(user_id=user.pk)
