"""Mutations of passkeys (WebAuthn)."""

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
from schema.nodes import global_id, node_key
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

NAME = "Name of the passkey; 1 to 100 characters."

describe_enum(
    PasskeyUse,
    {
        PasskeyUse.LOG_IN: "Log in without a password.",
        PasskeyUse.SECOND_FACTOR: "Complete a log-in as the second factor.",
        PasskeyUse.REAUTHENTICATION: "Reauthenticate.",
    },
)


@strawberry.input
class BeginPasskeyAuthenticationInput:
    """The purpose of the authentication."""

    use: PasskeyUse = strawberry.field(description="Purpose of the authentication.")
    mfa_token: str | None = strawberry.field(
        default=None, description="`secondFactor.mfaToken` of `logIn`, for `SECOND_FACTOR`."
    )


@strawberry.input
class RegisterPasskeyInput:
    """The passkey to register."""

    name: str = strawberry.field(description=NAME)
    credential: JSON = strawberry.field(description=ANSWER)


@strawberry.input
class RenamePasskeyInput:
    """The passkey to rename, and its new name."""

    passkey_id: strawberry.ID = strawberry.field(description="`id` of the passkey.")
    name: str = strawberry.field(description=NAME)


@strawberry.input
class RemovePasskeyInput:
    """The passkey to remove."""

    passkey_id: strawberry.ID = strawberry.field(description="`id` of the passkey.")


@strawberry.input
class LogInWithPasskeyInput:
    """The passkey's response, and the transport of the session."""

    credential: JSON = strawberry.field(description=ANSWER)
    transport: Transport = strawberry.field(
        default=Transport.TOKEN,
        description="How the session authenticates requests.",
    )


@strawberry.type
class PasskeyOptionsPayload(Payload):
    """WebAuthn options with a single-use challenge that expires after five minutes."""

    options: JSON | None = strawberry.field(
        default=None,
        description="Options for `PublicKeyCredential.parseCreationOptionsFromJSON` or "
        "`parseRequestOptionsFromJSON` (Web Authentication Level 3).",
    )


@strawberry.type
class PasskeyPayload(Payload):
    """The passkey after the mutation."""

    passkey_id: strawberry.Private[UUID | None] = None
    passkey: Passkey | None = changed_object(models.Passkey, "passkey_id")


@strawberry.type
class RegisterPasskeyPayload(RecoveryCodesPayload, PasskeyPayload):
    """The new passkey, and recovery codes if it is the first second factor."""


@strawberry.type
class PasskeysMutation:
    """Registration, use and removal of passkeys."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def begin_passkey_registration(self, info: Info) -> PasskeyOptionsPayload:
        """Create the options for registering a passkey with `navigator.credentials.create`."""
        options = begin_passkey_registration(actor=info.context.actor)
        return PasskeyOptionsPayload(options=cast("JSON", options))

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def register_passkey(self, info: Info, input: RegisterPasskeyInput) -> RegisterPasskeyPayload:
        """Register the passkey that your device created.

        If it is your first second factor, this ends all other sessions and returns recovery codes.
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
        user = remove_passkey(key, actor=info.context.actor)
        return UserPayload(user_id=user.pk, deleted_passkey_id=global_id("Passkey", key))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def begin_passkey_authentication(
        self, info: Info, input: BeginPasskeyAuthenticationInput
    ) -> PasskeyOptionsPayload:
        """Create the options for using a passkey with `navigator.credentials.get`."""
        options = begin_passkey_authentication(
            input.use, actor=info.context.actor, mfa_token=input.mfa_token
        )
        return PasskeyOptionsPayload(options=cast("JSON", options))

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def log_in_with_passkey(self, info: Info, input: LogInWithPasskeyInput) -> SignedInPayload:
        """Log in with a passkey, without a password. It counts as two factors."""
        context = info.context
        answer = cast("dict[str, object]", input.credential)
        signed_in = log_in_with_passkey(answer, actor=context.actor, transport=input.transport)
        return SignedInPayload.of(signed_in, context)
