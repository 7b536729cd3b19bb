"""Sessions in GraphQL."""

from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from schema.accounts.types.users import User
from schema.context import Info
from users.authentication import models
from users.authentication.querysets import SessionQuerySet
from users.authentication.sessions.user_agents import read_user_agent


@strawberry_django.type(models.Session)
class Session(relay.Node):
    """One sign-in on one device."""

    id: relay.NodeID[UUID]
    user_agent: auto = strawberry_django.field(
        description="What the client said of itself when it signed in, which may be anything."
    )
    ip: str | None = strawberry_django.field(
        description="The address from which the person signed in, if it is known."
    )
    created_at: auto = strawberry_django.field(description="When the person signed in.")
    last_seen_at: auto = strawberry_django.field(
        description="When the session was in use, to within five minutes."
    )
    expires_at: auto = strawberry_django.field(
        description="When it ends if it is not used again until then; an impersonation, anyway."
    )
    methods: list[str] = strawberry_django.field(
        description="How the person proved who they are, as `amr` of RFC 8176: pwd for the "
        "password, otp for a code, hwk or swk for a passkey, mfa for two factors."
    )
    aal: auto = strawberry_django.field(
        description="The authenticator assurance level of that (NIST SP 800-63B), 1 or 2."
    )
    authenticated_at: auto = strawberry_django.field(
        description="When they last did, in logging in or by `reauthenticate`."
    )
    factor_at: auto = strawberry_django.field(
        description="When they last did so by a second factor; null if by none."
    )
    user: User = strawberry_django.field(description="Who is signed in.")

    @strawberry_django.field(only=["user_agent"])
    def device(self: models.Session) -> str | None:
        """The device, such as iPhone or Mac; null if unknown."""
        return read_user_agent(self.user_agent).device

    @strawberry_django.field(only=["user_agent"])
    def browser(self: models.Session) -> str | None:
        """The program, such as Firefox; null if unknown."""
        return read_user_agent(self.user_agent).browser

    @strawberry_django.field(only=["user_agent"])
    def operating_system(self: models.Session) -> str | None:
        """The device's system, such as Windows or Android; null if unknown."""
        return read_user_agent(self.user_agent).operating_system

    @strawberry_django.field(only=["pk"])
    def is_current(self: models.Session, info: Info) -> bool:
        """Whether this very request came through the session."""
        return self.pk == info.context.actor.session_id

    @strawberry_django.field(only=["impersonator_id"])
    def is_impersonated(self: models.Session) -> bool:
        """Whether an administrator acts in the person's name; the person can end it."""
        return self.impersonator_id is not None

    @classmethod
    def get_queryset(cls, queryset: SessionQuerySet, info: Info) -> SessionQuerySet:
        """Whatever leads to sessions leads to visible ones only, and to no ended ones."""
        return queryset.visible_to(info.context.actor).active()


@strawberry.type
class SessionConnection(KeysetConnection[Session]):
    """A page of sessions, newest first."""
