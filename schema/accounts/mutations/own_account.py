"""What people do with their own accounts."""

import strawberry

from schema.accounts.own_id import require_self_id
from schema.accounts.profiles import LOCALE, ProfileInput
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.inputs import PasswordConfirmation, TokenInput
from schema.mutation import mutation
from schema.scopes import NoScope
from users.accounts.policy import may_edit_profile
from users.accounts.services.email_change import confirm_email_change, request_email_change
from users.accounts.services.invitation import accept_invitation
from users.accounts.services.profile import update_profile
from users.accounts.services.sign_up import resend_verification, sign_up, verify_email
from users.accounts.services.username import change_username
from users.scopes import Scope

USERNAME = "3 to 30 letters, digits, dots, hyphens and underscores; kept in lower case."
TOKEN = "The part of the mailed link after `#token=`."  # noqa: S105 - a description
OWN_PASSWORD = "The current password of the account; not needed when signed in to it."  # noqa: S105


@strawberry.input
class SignUpInput:
    """A new account."""

    email: str = strawberry.field(description="Gets the link that completes the sign-up.")
    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters; any will do.")
    locale: str = strawberry.field(default="en", description=LOCALE)


@strawberry.input
class ResendVerificationInput:
    """Whose sign-up it is."""

    email: str = strawberry.field(description="The address of the sign-up.")
    username: str | None = strawberry.field(
        default=None,
        description="The username of the sign-up, if several may wait for the address; otherwise "
        "it is the latest.",
    )


@strawberry.input
class VerifyEmailInput(TokenInput):
    """What the mailed link carries."""

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


@strawberry.type
class VerifyEmailPayload(Payload):
    """The account that came to be."""

    username: str | None = strawberry.field(default=None, description="Whose account it is.")


@strawberry.input
class AcceptInvitationInput(TokenInput):
    """What an invited person chooses."""

    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters; any will do.")


@strawberry.type
class AcceptInvitationPayload(Payload):
    """The account that came to be."""

    username: str | None = strawberry.field(default=None, description="Whose account it is.")


@strawberry.input
class UpdateProfileInput(ProfileInput):
    """The fields to change; those left out stay."""


@strawberry.type
class UpdateProfilePayload(UserPayload):
    """The changed person."""


@strawberry.input
class RequestEmailChangeInput(PasswordConfirmation):
    """A new address, and proof that the owner asks."""

    email: str = strawberry.field(description="Gets the link that completes the change.")


@strawberry.input
class ConfirmEmailChangeInput(TokenInput):
    """What the mailed link carries."""

    password: str | None = strawberry.field(default=None, description=OWN_PASSWORD)


@strawberry.type
class ConfirmEmailChangePayload(Payload):
    """Whose address it is now."""

    # The link works without authentication, so this tells no more than the link proves.

    email: str | None = strawberry.field(default=None, description="The confirmed address.")


@strawberry.input
class ChangeUsernameInput(PasswordConfirmation):
    """Another username, and proof that the owner asks."""

    username: str = strawberry.field(description=USERNAME)


@strawberry.type
class ChangeUsernamePayload(UserPayload):
    """The changed person."""


@strawberry.type
class AccountsMutation:
    """Signing up, and what people tell about themselves."""

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def sign_up(self, info: Info, input: SignUpInput) -> None:
        """Ask for an account.

        The owner of the address gets a mail to complete it. The answer is the same for known and
        unknown addresses.
        """
        sign_up(actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def resend_verification(self, info: Info, input: ResendVerificationInput) -> None:
        """Mail the link of a sign-up again.

        The answer is the same for known and unknown addresses.
        """
        resend_verification(actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def verify_email(self, info: Info, input: VerifyEmailInput) -> VerifyEmailPayload:
        """Complete a sign-up, by its password or with a new one.

        The token is single-use and expires after 24 hours.
        """
        user = verify_email(actor=info.context.actor, **vars(input))
        return VerifyEmailPayload(username=user.username)

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def accept_invitation(
        self, info: Info, input: AcceptInvitationInput
    ) -> AcceptInvitationPayload:
        """Create an account from an invitation.

        The token is single-use and expires after 7 days.
        """
        user = accept_invitation(actor=info.context.actor, **vars(input))
        return AcceptInvitationPayload(username=user.username)

    @mutation(scope=Scope.PROFILE_WRITE, reauthenticate=False)
    def update_profile(self, info: Info, input: UpdateProfileInput) -> UpdateProfilePayload:
        """Change your profile."""
        user_id = require_self_id(info, may_edit_profile)
        user = update_profile(user_id, actor=info.context.actor, **input.profile())
        return UpdateProfilePayload(user_id=user.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def request_email_change(self, info: Info, input: RequestEmailChangeInput) -> None:
        """Ask for another primary address.

        It counts once its owner confirms it. The answer is the same for known and unknown
        addresses.
        """
        request_email_change(require_self_id(info), actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def confirm_email_change(
        self, info: Info, input: ConfirmEmailChangeInput
    ) -> ConfirmEmailChangePayload:
        """Confirm a change of address, signed in or by the password.

        The token is single-use and expires after 24 hours.
        """
        user = confirm_email_change(actor=info.context.actor, **vars(input))
        return ConfirmEmailChangePayload(email=user.email)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def change_username(self, info: Info, input: ChangeUsernameInput) -> ChangeUsernamePayload:
        """Change your username; the former one is free at once."""
        user = change_username(require_self_id(info), actor=info.context.actor, **vars(input))
        return ChangeUsernamePayload(user_id=user.pk)
