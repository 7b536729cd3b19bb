"""Mutations that end sessions and unlock accounts."""

import strawberry

from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.inputs import UserIdInput
from schema.mutation import mutation
from schema.nodes import global_id, node_key
from schema.scopes import NoScope
from users.authentication.services.end_sessions import (
    end_sessions,
    log_out_everywhere,
    revoke_other_sessions,
    revoke_session,
)
from users.authentication.services.unlock import unlock_user
from users.authentication.sessions.credentials import anonymous_actor


@strawberry.input
class RevokeSessionInput:
    """The session to end."""

    session_id: strawberry.ID = strawberry.field(description="`id` of the session.")


@strawberry.input
class EndSessionsInput(UserIdInput):
    """The user whose sessions to end."""


@strawberry.input
class UnlockUserInput(UserIdInput):
    """The user whose account to unlock."""


@strawberry.type
class SessionsEndedPayload(Payload):
    """The number of sessions that were ended."""

    count: int = strawberry.field(default=0, description="Number of sessions that were ended.")
    deleted_session_id: strawberry.ID | None = strawberry.field(
        default=None, description="`id` of the session that `revokeSession` ended; else null."
    )


@strawberry.type
class SessionsMutation:
    """Revocation of sessions."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def revoke_session(self, info: Info, input: RevokeSessionInput) -> SessionsEndedPayload:
        """End one of your sessions immediately. Administrators may end any session."""
        session_id = node_key(input.session_id, "Session")
        revoke_session(session_id, actor=info.context.actor)
        if session_id == info.context.actor.session_id:
            _leave(info)
        return SessionsEndedPayload(count=1, deleted_session_id=global_id("Session", session_id))

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def revoke_other_sessions(self, info: Info) -> SessionsEndedPayload:
        """End all your sessions except this one."""
        return SessionsEndedPayload(count=revoke_other_sessions(actor=info.context.actor))

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def log_out_everywhere(self, info: Info) -> SessionsEndedPayload:
        """End all your sessions, including this one."""
        count = log_out_everywhere(actor=info.context.actor)
        _leave(info)
        return SessionsEndedPayload(count=count)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def end_sessions(self, info: Info, input: EndSessionsInput) -> SessionsEndedPayload:
        """End all sessions of a user. Administrators only."""
        user_id = node_key(input.user_id, "User")
        count = end_sessions(user_id, actor=info.context.actor)
        if user_id == info.context.actor.user_id:
            _leave(info)
        return SessionsEndedPayload(count=count)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def unlock_user(self, info: Info, input: UnlockUserInput) -> UserPayload:
        """Unlock an account after too many failed log-in attempts. Administrators only."""
        user = unlock_user(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)


def _leave(info: Info) -> None:
    info.context.end_session(anonymous_actor(info.context.actor))
