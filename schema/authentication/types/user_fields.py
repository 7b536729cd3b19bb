"""The fields of `User` about authentication."""

from collections.abc import Iterable
from datetime import datetime

import strawberry_django

from engine.relay.nested import nested_connection
from schema.authentication.loaders import active_session_counts, recovery_codes_left
from schema.authentication.types.api_tokens import ApiToken, ApiTokenConnection
from schema.authentication.types.factors import Passkey, PasskeyConnection, Totp
from schema.authentication.types.sessions import Session, SessionConnection
from schema.authentication.types.suspensions import Suspension
from schema.context import Info
from schema.rules import Private, PrivateSessions
from users.accounts.models import User
from users.authentication import models
from users.authentication.factors.policy import due_at


@strawberry_django.type(User)
class AuthenticationFields:
    """Second factors, API tokens, sessions and suspension of a user."""

    totp: Totp | None = strawberry_django.field(
        description="Authenticator app; null without one. Visible to the user and staff."
    )
    suspension: Suspension | None = strawberry_django.field(
        description="Current suspension; null without one. Visible to staff."
    )

    @nested_connection(ApiTokenConnection, parent="user")
    def api_tokens(self) -> Iterable[ApiToken]:
        """API tokens. Visible to the user and administrators.

        Empty for others, and for clients that authenticate by an API token.
        """
        return models.ApiToken.objects.order_by("-id")

    @nested_connection(SessionConnection, parent="user")
    def sessions(self) -> Iterable[Session]:
        """Active sessions, newest first. Visible to the user and staff; empty for others."""
        return models.Session.objects.order_by("-id")

    @nested_connection(PasskeyConnection, parent="user")
    def passkeys(self) -> Iterable[Passkey]:
        """Registered passkeys. Visible to the user and staff."""
        return models.Passkey.objects.in_order()

    @strawberry_django.field(extensions=[Private()])
    def recovery_codes_left(self: User, info: Info) -> int | None:
        """Number of unused recovery codes. Visible to the user and staff."""
        return info.context.load(recovery_codes_left, self)

    @strawberry_django.field(only=["date_joined", "is_staff"], extensions=[Private()])
    def second_factor_due_at(self: User) -> datetime | None:
        """When a second factor becomes mandatory; null if none is required.

        Visible to the user and staff.
        """
        return due_at(self.date_joined, is_staff=self.is_staff)

    @strawberry_django.field(extensions=[PrivateSessions()])
    def active_session_count(self: User, info: Info) -> int | None:
        """Number of active sessions. Visible to the user and staff."""
        return info.context.load(active_session_counts, self)
