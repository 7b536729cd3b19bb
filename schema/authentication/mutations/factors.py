"""Mutations of second factors: verification, reauthentication, TOTP and recovery codes."""

from typing import cast

import strawberry
from strawberry.scalars import JSON

from schema.accounts.own_id import require_self_id
from schema.accounts.types.users import ChangedUserPayload, UserPayload
from schema.authentication.mutations.log_in import SignedInPayload
from schema.context import Info
from schema.errors import Payload
from schema.inputs import UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from schema.scopes import NoScope
from users.accounts.authentication_methods import Method
from users.authentication.services.factors import EnrolledFactor
from users.authentication.services.mfa import (
    AuthenticatorOutput,
    reauthenticate,
    verify_second_factor,
)
from users.authentication.services.recovery_codes import regenerate_recovery_codes
from users.authentication.services.reset_mfa import reset_second_factors
from users.authentication.services.totp import (
    begin_totp_enrollment,
    confirm_totp_enrollment,
    remove_totp,
)
from users.authentication.sessions.credentials import session_actor

TOTP_CODE = "Six-digit code that the authenticator app shows."
ANSWER = "Response of the passkey: the credential's `toJSON()`."


@strawberry.input(one_of=True)
class SecondFactorInput:
    """A second factor: exactly one of these."""

    totp: strawberry.Maybe[str | None] = strawberry.field(description=TOTP_CODE)
    recovery_code: strawberry.Maybe[str | None] = strawberry.field(
        description="One of your recovery codes; each is single-use."
    )
    passkey: strawberry.Maybe[JSON | None] = strawberry.field(
        description=f"{ANSWER} See `beginPasskeyAuthentication`."
    )

    def authenticator_output(self) -> AuthenticatorOutput:
        """Return the factor that is set. `@oneOf` guarantees exactly one, not null."""
        if self.totp:
            return AuthenticatorOutput(Method.TOTP, cast("str", self.totp.value))
        if self.recovery_code:
            return AuthenticatorOutput(Method.RECOVERY_CODE, cast("str", self.recovery_code.value))
        passkey = cast("strawberry.Some[JSON]", self.passkey)
        return AuthenticatorOutput(Method.PASSKEY, answer=cast("dict[str, object]", passkey.value))


@strawberry.input(one_of=True)
class ProofInput(SecondFactorInput):
    """Proof of identity: exactly one of these."""

    password: strawberry.Maybe[str | None] = strawberry.field(
        description="Your password; sufficient only if you have no second factor."
    )

    def authenticator_output(self) -> AuthenticatorOutput:
        """Return the proof that is set."""
        if self.password:
            return AuthenticatorOutput(Method.PASSWORD, cast("str", self.password.value))
        return super().authenticator_output()


@strawberry.input
class VerifySecondFactorInput:
    """The pending log-in, and the second factor that completes it."""

    mfa_token: str = strawberry.field(description="`secondFactor.mfaToken` of `logIn`.")
    factor: SecondFactorInput = strawberry.field(description="The second factor.")


@strawberry.input
class ReauthenticateInput:
    """Proof of identity."""

    proof: ProofInput = strawberry.field(
        description="One of the methods in `extensions.methods` of `REAUTHENTICATION_REQUIRED`."
    )


@strawberry.input
class ConfirmTotpEnrollmentInput:
    """The first code of the authenticator app."""

    code: str = strawberry.field(description=TOTP_CODE)


@strawberry.input
class ResetSecondFactorsInput(UserIdInput):
    """The user whose second factors to remove."""


@strawberry.type
class BeginTotpEnrollmentPayload(Payload):
    """The secret for the authenticator app. Shown once."""

    secret: str | None = strawberry.field(
        default=None, description="Secret in Base32, for manual entry."
    )
    uri: str | None = strawberry.field(
        default=None, description="`otpauth://` URI, for a link on the device of the app."
    )
    qr_code: str | None = strawberry.field(
        default=None, description="QR code of the URI, as an SVG image."
    )


@strawberry.type
class RecoveryCodesPayload(ChangedUserPayload):
    """Recovery codes, for when all other factors are lost. Shown once."""

    recovery_codes: list[str] | None = strawberry.field(
        default=None, description="New single-use recovery codes; null if none were created."
    )

    @classmethod
    def of(cls, enrolled: EnrolledFactor, info: Info) -> "RecoveryCodesPayload":
        """Build the payload, and continue the request as the user with a second factor."""
        act_as_enrolled(enrolled, info)
        return cls(user_id=enrolled.session.user_id, recovery_codes=enrolled.recovery_codes or None)


def act_as_enrolled(enrolled: EnrolledFactor, info: Info) -> None:
    """Replace the actor: enrolment lifts the restrictions of a session without a factor."""
    context = info.context
    context.act_as(session_actor(enrolled.session, context.actor))


@strawberry.type
class FactorsMutation:
    """Second factors."""

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def verify_second_factor(self, info: Info, input: VerifySecondFactorInput) -> SignedInPayload:
        """Complete a log-in with a second factor, and start the session."""
        context = info.context
        output = input.factor.authenticator_output()
        signed_in = verify_second_factor(input.mfa_token, output, actor=context.actor)
        return SignedInPayload.of(signed_in, context)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def reauthenticate(self, info: Info, input: ReauthenticateInput) -> UserPayload:
        """Reauthenticate, after `REAUTHENTICATION_REQUIRED`. Valid for ten minutes."""
        context = info.context
        done = reauthenticate(input.proof.authenticator_output(), actor=context.actor)
        context.session_cookie = done.cookie
        context.act_as(session_actor(done.session, context.actor))
        return UserPayload(user_id=done.session.user_id)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def begin_totp_enrollment(self, info: Info) -> BeginTotpEnrollmentPayload:
        """Create a secret for an authenticator app. `confirmTotpEnrollment` activates it."""
        enrollment = begin_totp_enrollment(actor=info.context.actor)
        return BeginTotpEnrollmentPayload(
            secret=enrollment.secret, uri=enrollment.uri, qr_code=enrollment.qr_code
        )

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def confirm_totp_enrollment(
        self, info: Info, input: ConfirmTotpEnrollmentInput
    ) -> RecoveryCodesPayload:
        """Activate your authenticator app by its first code.

        If it is your first second factor, this ends all other sessions and returns recovery codes.
        """
        enrolled = confirm_totp_enrollment(input.code, actor=info.context.actor)
        return RecoveryCodesPayload.of(enrolled, info)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def remove_totp(self, info: Info) -> UserPayload:
        """Remove your authenticator app."""
        return UserPayload(user_id=remove_totp(require_self_id(info), actor=info.context.actor).pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def regenerate_recovery_codes(self, info: Info) -> RecoveryCodesPayload:
        """Create new recovery codes, and invalidate the previous ones."""
        user_id = require_self_id(info)
        codes = regenerate_recovery_codes(user_id, actor=info.context.actor)
        return RecoveryCodesPayload(user_id=user_id, recovery_codes=codes)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def reset_second_factors(self, info: Info, input: ResetSecondFactorsInput) -> UserPayload:
        """Remove all second factors of a user who lost them. Administrators only.

        Ends the user's sessions, and notifies the user by mail.
        """
        user_id = node_key(input.user_id, "User")
        return UserPayload(user_id=reset_second_factors(user_id, actor=info.context.actor).pk)
