"""Mutations of the client's own account: sign-up, profile, primary address, username."""

import strawberry

from schema.accounts.own_id import require_self_id
from schema.accounts.profiles import LOCALE, ProfileInput
from schema.accounts.types.users import ChangedUserPayload
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

USERNAME = (
    "Unique username: 3 to 30 letters, digits, dots, hyphens and underscores. Stored in lower case."
)
OWN_PASSWORD = "Password of the account; required unless you are signed in to it."  # noqa: S105


@strawberry.input
class SignUpInput:
    """The account to request."""

    email: str = strawberry.field(description="Address that receives the verification link.")
    username: str | None = strawberry.field(
        default=None,
        description=f"{USERNAME} Default: derived from the name or the address by `verifyEmail`.",
    )
    name: str = strawberry.field(default="", description="Display name.")
    password: str = strawberry.field(description="At least 12 characters of any kind.")
    locale: str = strawberry.field(default="en", description=LOCALE)


@strawberry.input
class ResendVerificationInput:
    """The pending sign-up."""

    email: str = strawberry.field(description="Address of the sign-up.")
    username: str | None = strawberry.field(
        default=None,
        description="Username of the sign-up, if several are pending for the address. Default: the "
        "latest sign-up.",
    )


@strawberry.input
class VerifyEmailInput(TokenInput):
    """The token of a verification link, and a password: the sign-up's or a new one."""

    password: str | None = strawberry.field(
        default=None,
        description="Password of the sign-up, as proof that you made it.",
    )
    new_password: str | None = strawberry.field(
        default=None,
        description="Replacement for a password that you do not know, because you forgot it or "
        "another client signed up with your address. Requires `username`; omit `password`.",
    )
    username: str | None = strawberry.field(
        default=None,
        description="Replacement for the username of the sign-up, for example if it is taken.",
    )


@strawberry.type
class VerifyEmailPayload(Payload):
    """The account that was created."""

    username: str | None = strawberry.field(default=None, description="Username of the account.")


@strawberry.input
class AcceptInvitationInput(TokenInput):
    """The token of an invitation link, and the new account's credentials."""

    username: str = strawberry.field(description=USERNAME)
    password: str = strawberry.field(description="At least 12 characters of any kind.")


@strawberry.type
class AcceptInvitationPayload(Payload):
    """The account that was created."""

    username: str | None = strawberry.field(default=None, description="Username of the account.")


@strawberry.input
class UpdateProfileInput(ProfileInput):
    """Fields to change; omitted fields keep their values."""


@strawberry.type
class UpdateProfilePayload(ChangedUserPayload):
    """Your account after the mutation."""


@strawberry.input
class RequestEmailChangeInput(PasswordConfirmation):
    """The new primary address, confirmed by your password."""

    email: str = strawberry.field(description="Address that receives the confirmation link.")


@strawberry.input
class ConfirmEmailChangeInput(TokenInput):
    """The token of a mailed confirmation link."""

    password: str | None = strawberry.field(default=None, description=OWN_PASSWORD)


@strawberry.type
class ConfirmEmailChangePayload(Payload):
    """The confirmed address."""

    # No user: the link proves control of the mailbox, and needs no authentication.

    email: str | None = strawberry.field(default=None, description="The confirmed address.")


@strawberry.input
class ChangeUsernameInput(PasswordConfirmation):
    """Your new username, confirmed by your password."""

    username: str = strawberry.field(description=USERNAME)


@strawberry.type
class ChangeUsernamePayload(ChangedUserPayload):
    """Your account after the mutation."""


@strawberry.type
class AccountsMutation:
    """Sign-up, profile, primary address and username."""

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def sign_up(self, info: Info, input: SignUpInput) -> None:
        """Request an account, and mail its address a verification link.

        `verifyEmail` creates the account. To prevent enumeration, the payload does not reveal
        whether the address has an account.
        """
        sign_up(actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def resend_verification(self, info: Info, input: ResendVerificationInput) -> None:
        """Mail the verification link of a sign-up again.

        To prevent enumeration, the payload does not reveal whether the address has a sign-up.
        """
        resend_verification(actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def verify_email(self, info: Info, input: VerifyEmailInput) -> VerifyEmailPayload:
        """Complete a sign-up, with its password or a new one.

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
        """Update your profile."""
        user_id = require_self_id(info, may_edit_profile)
        user = update_profile(user_id, actor=info.context.actor, **input.profile())
        return UpdateProfilePayload(user_id=user.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def request_email_change(self, info: Info, input: RequestEmailChangeInput) -> None:
        """Request another primary address, and mail it a confirmation link.

        The change takes effect once it is confirmed. To prevent enumeration, the payload does not
        reveal whether the address has an account.
        """
        request_email_change(require_self_id(info), actor=info.context.actor, **vars(input))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def confirm_email_change(
        self, info: Info, input: ConfirmEmailChangeInput
    ) -> ConfirmEmailChangePayload:
        """Confirm a change of the primary address.

        Requires a session of the account, or its password. The token is single-use and expires
        after 24 hours.
        """
        user = confirm_email_change(actor=info.context.actor, **vars(input))
        return ConfirmEmailChangePayload(email=user.email)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def change_username(self, info: Info, input: ChangeUsernameInput) -> ChangeUsernamePayload:
        """Change your username. The previous one becomes available immediately."""
        user = change_username(require_self_id(info), actor=info.context.actor, **vars(input))
        return ChangeUsernamePayload(user_id=user.pk)
