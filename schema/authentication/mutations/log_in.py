"""Signing in and out."""

import datetime as dt
from typing import Self

import strawberry

from schema.accounts.types.users import UserPayload
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
from users.authentication.sessions.credentials import actor_through, anonymous_actor

describe_enum(
    Transport,
    {
        Transport.TOKEN: "By an access token in a header; for apps and scripts.",
        Transport.COOKIE: "By an HttpOnly cookie; for pages of this site.",
    },
)


@strawberry.input
class LogInInput:
    """Who, and by which proof."""

    login: str = strawberry.field(description="E-mail address or username, in any case.")
    password: str = strawberry.field(description="The account's password.")
    transport: Transport = strawberry.field(
        default=Transport.TOKEN,
        description="TOKEN answers a pair of tokens; COOKIE sets an HttpOnly cookie.",
    )
    device_token: str | None = strawberry.field(
        default=None,
        description="What an earlier log-in to the account answered on this device, if it did: "
        "it lets the owner try while others have locked the account by guessing.",
    )


@strawberry.input
class RefreshTokensInput:
    """The token to trade."""

    refresh_token: str = strawberry.field(
        description="The newest refresh token. It works once; for ten seconds after that it "
        "answers the same new one again."
    )


@strawberry.type
class SignedInPayload(UserPayload):
    """The session's tokens, if it is one of tokens."""

    access_token: str | None = strawberry.field(
        default=None, description="For the `Authorization: Bearer` header; lasts 10 minutes."
    )
    refresh_token: str | None = strawberry.field(
        default=None, description="Buys the next pair of tokens; lasts 30 days."
    )
    device_token: str | None = strawberry.field(
        default=None,
        description="What the device is known by from now on, if it just logged in for tokens: "
        "keep it beyond logging out, for the next `logIn`.",
    )

    @classmethod
    def of(cls, signed_in: SignInResult, context: Context) -> Self:
        """Answer in the name of the person who just signed in, and set the cookies there are."""
        if signed_in.cookie:
            context.session_cookie = signed_in.cookie
            context.device_cookie = signed_in.device_token
        context.act_as(actor_through(signed_in.session, context.actor))
        return cls(
            user_id=signed_in.session.user_id,
            access_token=signed_in.access_token,
            refresh_token=signed_in.refresh_token,
            device_token=None if signed_in.cookie else signed_in.device_token,
        )


describe_enum(Method)


@strawberry.type
class SecondFactorChallenge:
    """A log-in whose password was right, and which is not complete."""

    mfa_token: str = strawberry.field(
        description="Names the log-in in `verifySecondFactor`; for ten minutes and one session."
    )
    methods: list[Method] = strawberry.field(description="By which the person can complete it.")
    expires_at: dt.datetime = strawberry.field(description="Until when.")


@strawberry.type
class LogInPayload(SignedInPayload):
    """Who is signed in or, with a second factor, has still to prove that."""

    second_factor: SecondFactorChallenge | None = strawberry.field(
        default=None,
        description="What to go on with if the person has a second factor: nobody is signed in "
        "before that.",
    )


@strawberry.type
class AuthenticationMutation:
    """Sessions."""

    @mutation(scope=NoScope.PUBLIC, reauthenticate=False)
    def log_in(self, info: Info, input: LogInInput) -> LogInPayload:
        """Begin a session, or ask for the second factor.

        Wrong and unknown credentials get the same answer.
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
        """Exchange a refresh token for a new pair. A late second use ends the session."""
        signed_in = refresh_tokens(input.refresh_token, actor=info.context.actor)
        return SignedInPayload.of(signed_in, info.context)

    @mutation(scope=NoScope.SESSION, reauthenticate=False)
    def log_out(self, info: Info) -> None:
        """End this session, on all servers at once."""
        log_out(actor=info.context.actor)
        info.context.end_session(anonymous_actor(info.context.actor))
