"""Passkeys."""

from typing import cast
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from schema.accounts.types.users import UserPayload
from schema.authentication.mutations.factors import ANSWER, RecoveryCodesPayload, act_as_enrolled
from schema.authentication.mutations.log_in import SignedInPayload
from schema.authentication.types.factors import Passkey
from schema.context import Info
from schema.enums import describe_enum
from schema.errors import Payload
from schema.mutation import mutation
from schema.nodes import node_key
from schema.payloads import changed_object
from schema.scopes import NoScope
from users.authentication import models
from users.authentication.services.passkeys import (
    PasskeyUse,
    begin_passkey_authentication,
    begin_passkey_registration,
    log_in_with_passkey,
    register_passkey,
    remove_passkey,
    rename_passkey,
)
from users.authentication.services.sessions import Transport

NAME = "1 to 100 characters, to tell it from your others."

describe_enum(
    PasskeyUse,
    {
        PasskeyUse.LOG_IN: "To sign somebody in, without a password.",
        PasskeyUse.SECOND_FACTOR: "To complete a log-in.",
        PasskeyUse.REAUTHENTICATION: "To prove again who is signed in.",
    },
)


@strawberry.input
class BeginPasskeyAuthenticationInput:
    """What the passkey is to prove."""

    use: PasskeyUse = strawberry.field(description="What for.")
    mfa_token: str | None = strawberry.field(
        default=None, description="What `logIn` answered, for SECOND_FACTOR."
    )


@strawberry.input
class RegisterPasskeyInput:
    """The new passkey."""

    name: str = strawberry.field(description=NAME)
    credential: JSON = strawberry.field(description=ANSWER)


@strawberry.input
class RenamePasskeyInput:
    """What the passkey is to be called."""

    passkey_id: strawberry.ID = strawberry.field(description="The passkey's `id`.")
    name: str = strawberry.field(description=NAME)


@strawberry.input
class RemovePasskeyInput:
    """Which passkey is to count no more."""

    passkey_id: strawberry.ID = strawberry.field(description="The passkey's `id`.")


@strawberry.input
class LogInWithPasskeyInput:
    """What the passkey answered."""

    credential: JSON = strawberry.field(description=ANSWER)
    transport: Transport = strawberry.field(
        default=Transport.TOKEN,
        description="TOKEN answers a pair of tokens; COOKIE sets an HttpOnly cookie.",
    )


@strawberry.type
class PasskeyOptionsPayload(Payload):
    """What to ask the passkey; good for five minutes and one answer."""

    options: JSON | None = strawberry.field(
        default=None,
        description="For `PublicKeyCredential.parseCreationOptionsFromJSON` or "
        "`parseRequestOptionsFromJSON` (Web Authentication Level 3).",
    )


@strawberry.type
class PasskeyPayload(Payload):
    """The passkey as it is now."""

    passkey_id: strawberry.Private[UUID | None] = None
    passkey: Passkey | None = changed_object(models.Passkey, "passkey_id")


@strawberry.type
class RegisterPasskeyPayload(RecoveryCodesPayload, PasskeyPayload):
    """The new passkey, and recovery codes if it is the first factor."""


@strawberry.type
class PasskeysMutation:
    """Passkeys."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def begin_passkey_registration(self, info: Info) -> PasskeyOptionsPayload:
        """Return the options by which your device creates a passkey."""
        options = begin_passkey_registration(actor=info.context.actor)
        return PasskeyOptionsPayload(options=cast("JSON", options))

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def register_passkey(self, info: Info, input: RegisterPasskeyInput) -> RegisterPasskeyPayload:
        """Register the passkey that your device created.

        With your first factor, all other sessions end and you get recovery codes.
        """
        answer = cast("dict[str, object]", input.credential)
        enrolled = register_passkey(answer, actor=info.context.actor, name=input.name)
        act_as_enrolled(enrolled, info)
        return RegisterPasskeyPayload(
            user_id=enrolled.session.user_id,
            recovery_codes=enrolled.recovery_codes or None,
            passkey_id=enrolled.passkey.pk if enrolled.passkey else None,
        )

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def rename_passkey(self, info: Info, input: RenamePasskeyInput) -> PasskeyPayload:
        """Rename one of your passkeys."""
        key = node_key(input.passkey_id, "Passkey")
        passkey = rename_passkey(key, actor=info.context.actor, name=input.name)
        return PasskeyPayload(passkey_id=passkey.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def remove_passkey(self, info: Info, input: RemovePasskeyInput) -> UserPayload:
        """Remove one of your passkeys."""
        key = node_key(input.passkey_id, "Passkey")
        return UserPayload(user_id=remove_passkey(key, actor=info.context.actor).pk)

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def begin_passkey_authentication(
        self, info: Info, input: BeginPasskeyAuthenticationInput
    ) -> PasskeyOptionsPayload:
        """Return what to ask a passkey, to log in, as a second factor or to reauthenticate."""
        options = begin_passkey_authentication(
            input.use, actor=info.context.actor, mfa_token=input.mfa_token
        )
        return PasskeyOptionsPayload(options=cast("JSON", options))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def log_in_with_passkey(self, info: Info, input: LogInWithPasskeyInput) -> SignedInPayload:
        """Begin a session by a passkey alone, which counts as two factors."""
        context = info.context
        answer = cast("dict[str, object]", input.credential)
        signed_in = log_in_with_passkey(answer, actor=context.actor, transport=input.transport)
        return SignedInPayload.of(signed_in, context)
