"""The session type."""

from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from schema.accounts.types.users import User
from schema.context import Info
from users.authentication import models
from users.authentication.models import SessionQuerySet
from users.authentication.sessions.user_agents import read_user_agent


@strawberry_django.type(models.Session)
class Session(relay.Node):
    """A session: one sign-in on one device."""

    id: relay.NodeID[UUID]
    user_agent: auto = strawberry_django.field(
        description="`User-Agent` header at sign-in, as sent by the client."
    )
    ip: str | None = strawberry_django.field(description="IP address at sign-in; null if unknown.")
    created_at: auto = strawberry_django.field(description="When the user signed in.")
    last_seen_at: auto = strawberry_django.field(
        description="When the session was last used, to within five minutes."
    )
    expires_at: auto = strawberry_django.field(
        description="When the session expires unless it is used before. An impersonation always "
        "expires then."
    )
    methods: list[str] = strawberry_django.field(
        description="Authentication methods, as `amr` values (RFC 8176): `pwd` for a password, "
        "`otp` for a code, `hwk` or `swk` for a passkey, `mfa` for two factors."
    )
    aal: auto = strawberry_django.field(
        description="Authenticator assurance level (NIST SP 800-63B), 1 or 2."
    )
    authenticated_at: auto = strawberry_django.field(
        description="When the user last authenticated, by a log-in or `reauthenticate`."
    )
    factor_at: auto = strawberry_django.field(
        description="When the user last authenticated with a second factor; null if never."
    )
    user: User = strawberry_django.field(description="Authenticated user.")

    @strawberry_django.field(only=["user_agent"])
    def device(self: models.Session) -> str | None:
        """Device, such as iPhone or Mac; null if unknown."""
        return read_user_agent(self.user_agent).device

    @strawberry_django.field(only=["user_agent"])
    def browser(self: models.Session) -> str | None:
        """Browser or app, such as Firefox; null if unknown."""
        return read_user_agent(self.user_agent).browser

    @strawberry_django.field(only=["user_agent"])
    def operating_system(self: models.Session) -> str | None:
        """Operating system, such as Windows or Android; null if unknown."""
        return read_user_agent(self.user_agent).operating_system

    @strawberry_django.field(only=["pk"])
    def is_current(self: models.Session, info: Info) -> bool:
        """Whether this request is authenticated by the session."""
        return self.pk == info.context.actor.session_id

    @strawberry_django.field(only=["impersonator_id"])
    def is_impersonated(self: models.Session) -> bool:
        """Whether an administrator impersonates the user, who can end the session."""
        return self.impersonator_id is not None

    @classmethod
    def get_queryset(cls, queryset: SessionQuerySet, info: Info) -> SessionQuerySet:
        """Restrict every access path to visible, active sessions."""
        return queryset.visible_to(info.context.actor).active()


@strawberry.type
class SessionConnection(KeysetConnection[Session]):
    """A page of sessions, newest first."""
