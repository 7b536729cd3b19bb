"""Signing in and out."""

from typing import Annotated, Self

import strawberry

from core.actor import Actor
from schema.accounts.types import UserPayload
from schema.context import Context, Info
from schema.enums import describe_enum
from schema.errors import InputErrors, Payload
from users.authentication.actors import actor_through
from users.authentication.services.sessions import (
    SignedIn,
    Transport,
    log_in,
    log_out,
    refresh_tokens,
)

describe_enum(
    Transport,
    "How the client will prove that it is signed in.",
    {
        Transport.TOKEN: "By an access token in a header; for apps and scripts.",
        Transport.COOKIE: "By an HttpOnly cookie; for pages of this site.",
    },
)


@strawberry.input(description="Who, and by which proof.")
class LogInInput:
    """What logging in takes."""

    login: str = strawberry.field(description="E-mail address or username, in any case.")
    password: str = strawberry.field(description="The account's password.")
    transport: Transport = strawberry.field(
        default=Transport.TOKEN,
        description="TOKEN answers a pair of tokens; COOKIE sets an HttpOnly cookie.",
    )


@strawberry.input(description="The token to trade.")
class RefreshTokensInput:
    """What refreshing takes."""

    refresh_token: str = strawberry.field(description="The newest refresh token; works once.")


@strawberry.type(description="The session's tokens, if it is one of tokens.")
class SignedInPayload(UserPayload):
    """Who is signed in, and the proof for the next requests."""

    access_token: str | None = strawberry.field(
        default=None, description="For the `Authorization: Bearer` header; lasts 10 minutes."
    )
    refresh_token: str | None = strawberry.field(
        default=None, description="Buys the next pair of tokens; lasts 30 days."
    )

    @classmethod
    def of(cls, signed_in: SignedIn, context: Context) -> Self:
        """Answer in the name of the person who just signed in."""
        context.act_as(actor_through(signed_in.session, context.actor.user_agent))
        return cls(
            user_id=signed_in.session.user_id,
            access_token=signed_in.access_token,
            refresh_token=signed_in.refresh_token,
        )


@strawberry.type(description="Nothing but errors.")
class LogOutPayload(Payload):
    """Logging out always works."""


@strawberry.type
class AuthenticationMutation:
    """Sessions."""

    @strawberry.mutation(
        extensions=[InputErrors()],
        description="Begins a session. Wrong and unknown credentials get the same answer.",
    )
    def log_in(
        self,
        info: Info,
        input: Annotated[LogInInput, strawberry.argument(description="Who signs in, and how.")],
    ) -> SignedInPayload:
        """Sign in, and hand the cookie to the view if it is to be one."""
        signed_in = log_in(actor=info.context.actor, **vars(input))
        info.context.session_cookie = signed_in.cookie
        return SignedInPayload.of(signed_in, info.context)

    @strawberry.mutation(
        extensions=[InputErrors()],
        description="Trades a refresh token for a new pair. A second use ends the session.",
    )
    def refresh_tokens(
        self,
        info: Info,
        input: Annotated[
            RefreshTokensInput, strawberry.argument(description="The token to trade.")
        ],
    ) -> SignedInPayload:
        """Prolong a session of tokens."""
        signed_in = refresh_tokens(input.refresh_token, actor=info.context.actor)
        return SignedInPayload.of(signed_in, info.context)

    @strawberry.mutation(
        extensions=[InputErrors()], description="Ends this session, on all servers at once."
    )
    def log_out(self, info: Info) -> LogOutPayload:
        """Sign out, and have the view clear the cookie."""
        log_out(actor=info.context.actor)
        info.context.act_as(Actor(user_agent=info.context.actor.user_agent))
        info.context.session_ended = True
        return LogOutPayload()
