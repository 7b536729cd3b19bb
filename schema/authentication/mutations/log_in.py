"""Mutations that start, refresh and end a session."""

import datetime as dt
from typing import Self

import strawberry

from schema.accounts.types.users import ChangedUserPayload
from schema.context import Context, Info
from schema.enums import describe_enum
from schema.mutation import mutation
from schema.scopes import NoScope
from users.accounts.authentication_methods import Method
from users.authentication.services.end_sessions import log_out
from users.authentication.services.sessions import (
    SecondFactorPending,
    SignInResult,
    Transport,
    log_in,
    refresh_tokens,
)
from users.authentication.sessions.credentials import anonymous_actor, session_actor

describe_enum(
    Transport,
    {
        Transport.TOKEN: "Access token in the `Authorization` header; for apps and scripts.",
        Transport.COOKIE: "HttpOnly cookie; for pages of this site.",
    },
)


@strawberry.input
class LogInInput:
    """Credentials."""

    login: str = strawberry.field(description="Username or email address; case-insensitive.")
    password: str = strawberry.field(description="Password of the account.")
    transport: Transport = strawberry.field(
        default=Transport.TOKEN,
        description="How the session authenticates requests.",
    )
    device_token: str | None = strawberry.field(
        default=None,
        description="`deviceToken` of an earlier log-in on this device. Its attempts are counted "
        "separately, so that failed attempts of others do not lock you out.",
    )


@strawberry.input
class RefreshTokensInput:
    """The refresh token to exchange."""

    refresh_token: str = strawberry.field(
        description="Latest refresh token. Single-use; a retry within ten seconds returns the same "
        "successor."
    )


@strawberry.type
class SignedInPayload(ChangedUserPayload):
    """The authenticated user, and the session's tokens for the transport `TOKEN`."""

    access_token: str | None = strawberry.field(
        default=None,
        description="Token for the `Authorization: Bearer` header; expires after 10 minutes.",
    )
    refresh_token: str | None = strawberry.field(
        default=None, description="Token for `refreshTokens`; expires after 30 days."
    )
    device_token: str | None = strawberry.field(
        default=None,
        description="Identifies this device. Store it, also after `logOut`, and send it with the "
        "next `logIn`. Null for the transport `COOKIE` and for refreshed tokens.",
    )

    @classmethod
    def of(cls, signed_in: SignInResult, context: Context) -> Self:
        """Build the payload, set the cookies, and continue the request as the user."""
        if signed_in.cookie:
            context.session_cookie = signed_in.cookie
            context.device_cookie = signed_in.device_token
        context.act_as(session_actor(signed_in.session, context.actor))
        return cls(
            user_id=signed_in.session.user_id,
            access_token=signed_in.access_token,
            refresh_token=signed_in.refresh_token,
            device_token=None if signed_in.cookie else signed_in.device_token,
        )


describe_enum(Method)


@strawberry.type
class SecondFactorChallenge:
    """A log-in that requires a second factor."""

    mfa_token: str = strawberry.field(
        description="Identifies the log-in for `verifySecondFactor`. Single-use; expires after ten "
        "minutes."
    )
    methods: list[Method] = strawberry.field(
        description="Second factors that can complete the log-in."
    )
    expires_at: dt.datetime = strawberry.field(description="When `mfaToken` expires.")


@strawberry.type
class LogInPayload(SignedInPayload):
    """The authenticated user, or the second factor to verify."""

    second_factor: SecondFactorChallenge | None = strawberry.field(
        default=None,
        description="Set if the user has a second factor. The session starts with "
        "`verifySecondFactor`.",
    )


@strawberry.type
class AuthenticationMutation:
    """Log-in and log-out."""

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def log_in(self, info: Info, input: LogInInput) -> LogInPayload:
        """Log in with a password. Starts a session, or asks for the second factor.

        To prevent enumeration, a wrong password and an unknown login get the same error.
        """
        context = info.context
        signed_in = log_in(
            actor=context.actor,
            login=input.login,
            password=input.password,
            transport=input.transport,
            device_token=input.device_token or context.device_token,
        )
        if isinstance(signed_in, SecondFactorPending):
            return LogInPayload(
                second_factor=SecondFactorChallenge(
                    mfa_token=signed_in.token,
                    methods=[*signed_in.methods],
                    expires_at=signed_in.expires_at,
                )
            )
        return LogInPayload.of(signed_in, context)

    @mutation(scope=NoScope.SESSION, reauthenticate=False)
    def refresh_tokens(self, info: Info, input: RefreshTokensInput) -> SignedInPayload:
        """Exchange a refresh token for a new pair of tokens.

        Reuse of a refresh token after ten seconds ends the session.
        """
        signed_in = refresh_tokens(input.refresh_token, actor=info.context.actor)
        return SignedInPayload.of(signed_in, info.context)

    @mutation(scope=NoScope.OWN_SESSION, reauthenticate=False)
    def log_out(self, info: Info) -> None:
        """End this session, effective immediately on all servers."""
        log_out(actor=info.context.actor)
        info.context.end_session(anonymous_actor(info.context.actor))
