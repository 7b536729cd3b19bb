"""What people do with their own accounts."""

import strawberry

from schema.accounts.own import own_id
from schema.accounts.types import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
from users.accounts.policy import may_edit_profile
from users.accounts.services.email_change import confirm_email_change, request_email_change
from users.accounts.services.invitation import accept_invitation
from users.accounts.services.profile import update_profile
from users.accounts.services.sign_up import resend_verification, sign_up, verify_email
from users.accounts.services.username import change_username

USERNAME = "3 to 30 letters, digits, dots, hyphens and underscores; kept in lower case."
TOKEN = "The part of the mailed link after `#token=`."  # noqa: S105 - a description
OWN_PASSWORD = "The current password of the account; not needed when signed in to it."  # noqa: S105
LOCALE = "The language of the mails."
GIVEN_NAME = "Given names, as OpenID Connect's `given_name`; at most 150 characters."
FAMILY_NAME = "Family names, as `family_name`; at most 150 characters."
NICKNAME = "What friends say, as `nickname`; at most 150 characters."


@strawberry.input(description="A new account.")
class SignUpInput:
    """What signing up takes."""

    email: str = strawberry.field(description="Gets the link that completes the sign-up.")
    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters; any will do.")
    locale: str = strawberry.field(default="en", description=LOCALE)


@strawberry.type(description="The same answer for known and unknown addresses.")
class SignUpPayload(Payload):
    """Tells errors only."""


@strawberry.input(description="Whose sign-up it is.")
class ResendVerificationInput:
    """What asking for the link again takes."""

    email: str = strawberry.field(description="The address of the sign-up.")
    username: str | None = strawberry.field(
        default=None,
        description="The username of the sign-up, if several may wait for the address; otherwise "
        "it is the latest.",
    )


@strawberry.type(description="The same answer for known and unknown addresses.")
class ResendVerificationPayload(Payload):
    """Tells errors only."""


@strawberry.input(description="What the mailed link carries.")
class VerifyEmailInput:
    """What verifying takes."""

    token: str = strawberry.field(description=TOKEN)
    password: str | None = strawberry.field(
        default=None,
        description="The password of the sign-up, which proves that it is yours.",
    )
    new_password: str | None = strawberry.field(
        default=None,
        description="Instead of `password`, with a `username`: replaces it, if somebody else "
        "signed up with your address or you do not remember it.",
    )
    username: str | None = strawberry.field(
        default=None,
        description="A different username than that of the sign-up, which may be taken by now.",
    )


@strawberry.type(description="The account that came to be.")
class VerifyEmailPayload(Payload):
    """The new user, who is not signed in yet."""

    username: str | None = strawberry.field(default=None, description="Whose account it is.")


@strawberry.input(description="What an invited person chooses.")
class AcceptInvitationInput:
    """What accepting takes."""

    token: str = strawberry.field(description=TOKEN)
    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters; any will do.")


@strawberry.type(description="The account that came to be.")
class AcceptInvitationPayload(Payload):
    """The new user, who is not signed in yet."""

    username: str | None = strawberry.field(default=None, description="Whose account it is.")


@strawberry.input(description="The fields to change; those left out stay.")
class UpdateProfileInput:
    """Every field is optional, and none may be null: see `check_nulls`."""

    name: strawberry.Maybe[str | None] = strawberry.field(description="The name to show.")
    is_public: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether other people may find you."
    )
    given_name: strawberry.Maybe[str | None] = strawberry.field(description=GIVEN_NAME)
    family_name: strawberry.Maybe[str | None] = strawberry.field(description=FAMILY_NAME)
    nickname: strawberry.Maybe[str | None] = strawberry.field(description=NICKNAME)
    bio: strawberry.Maybe[str | None] = strawberry.field(description="At most 500 characters.")
    website: strawberry.Maybe[str | None] = strawberry.field(description="An http or https URL.")
    locale: strawberry.Maybe[str | None] = strawberry.field(description=LOCALE)
    time_zone: strawberry.Maybe[str | None] = strawberry.field(description="An IANA time zone.")

    def changes(self) -> dict[str, str | bool | None]:
        """Return the fields that were given."""
        return {name: some.value for name, some in vars(self).items() if some is not None}


@strawberry.type(description="The changed person.")
class UpdateProfilePayload(UserPayload):
    """The person as they are now."""


@strawberry.input(description="A new address, and proof that the owner asks.")
class RequestEmailChangeInput:
    """What asking for a change of address takes."""

    email: str = strawberry.field(description="Gets the link that completes the change.")
    password: str = strawberry.field(description="The current password.")


@strawberry.type(description="The same answer for known and unknown addresses.")
class RequestEmailChangePayload(Payload):
    """Tells errors only."""


@strawberry.input(description="What the mailed link carries.")
class ConfirmEmailChangeInput:
    """What confirming takes."""

    token: str = strawberry.field(description=TOKEN)
    password: str | None = strawberry.field(default=None, description=OWN_PASSWORD)


@strawberry.type(description="Whose address it is now.")
class ConfirmEmailChangePayload(Payload):
    """What the link and its user prove, and no more."""

    email: str | None = strawberry.field(default=None, description="The confirmed address.")


@strawberry.input(description="Another username, and proof that the owner asks.")
class ChangeUsernameInput:
    """What changing the username takes."""

    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="The current password.")


@strawberry.type(description="The changed person.")
class ChangeUsernamePayload(UserPayload):
    """The person as they are now."""


@strawberry.type
class AccountsMutation:
    """Signing up, and what people tell about themselves."""

    @mutation("Asks for an account. The address's owner gets a mail to complete it.")
    def sign_up(self, info: Info, input: SignUpInput) -> SignUpPayload:
        """Leave a pending sign-up."""
        sign_up(actor=info.context.actor, **vars(input))
        return SignUpPayload()

    @mutation("Has the link of a sign-up mailed again.")
    def resend_verification(
        self, info: Info, input: ResendVerificationInput
    ) -> ResendVerificationPayload:
        """Ask for the mail."""
        resend_verification(actor=info.context.actor, **vars(input))
        return ResendVerificationPayload()

    @mutation(
        "Completes a sign-up, by its password or with a new one. The token works once and for 24 "
        "hours."
    )
    def verify_email(self, info: Info, input: VerifyEmailInput) -> VerifyEmailPayload:
        """Turn the pending sign-up into a user."""
        user = verify_email(actor=info.context.actor, **vars(input))
        return VerifyEmailPayload(username=user.username)

    @mutation("Makes an account of an invitation. The token works once and for 7 days.")
    def accept_invitation(
        self, info: Info, input: AcceptInvitationInput
    ) -> AcceptInvitationPayload:
        """Turn the invitation into a user."""
        user = accept_invitation(actor=info.context.actor, **vars(input))
        return AcceptInvitationPayload(username=user.username)

    @mutation("Changes what you tell about yourself.")
    def update_profile(self, info: Info, input: UpdateProfileInput) -> UpdateProfilePayload:
        """Change the actor's own profile."""
        user_id = own_id(info, may_edit_profile)
        user = update_profile(user_id, actor=info.context.actor, **input.changes())
        return UpdateProfilePayload(user_id=user.pk)

    @mutation("Asks for another e-mail address. It counts once its owner confirms it.")
    def request_email_change(
        self, info: Info, input: RequestEmailChangeInput
    ) -> RequestEmailChangePayload:
        """Leave a pending change."""
        request_email_change(own_id(info), actor=info.context.actor, **vars(input))
        return RequestEmailChangePayload()

    @mutation(
        "Completes a change of address, signed in or by the password. The token works once and "
        "for 24 hours."
    )
    def confirm_email_change(
        self, info: Info, input: ConfirmEmailChangeInput
    ) -> ConfirmEmailChangePayload:
        """Make the new address count."""
        user = confirm_email_change(actor=info.context.actor, **vars(input))
        return ConfirmEmailChangePayload(email=user.email)

    @mutation("Changes your username; the former one is free at once.")
    def change_username(self, info: Info, input: ChangeUsernameInput) -> ChangeUsernamePayload:
        """Change the actor's own username."""
        user = change_username(own_id(info), actor=info.context.actor, **vars(input))
        return ChangeUsernamePayload(user_id=user.pk)
