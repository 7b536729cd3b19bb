"""Ending sessions, and unlocking accounts."""

import strawberry

from schema.accounts.types import UserPayload
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
from schema.nodes import node_key
from users.authentication.actors import nobody_at
from users.authentication.services.ending import (
    end_sessions,
    log_out_everywhere,
    revoke_other_sessions,
    revoke_session,
)
from users.authentication.services.unlocking import unlock_user


@strawberry.input(description="The session to end.")
class RevokeSessionInput:
    """What revoking takes."""

    session_id: strawberry.ID = strawberry.field(
        description="The session's `id`; for administrators, anybody's."
    )


@strawberry.input(description="Whose sessions to end.")
class EndSessionsInput:
    """What ending takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")


@strawberry.input(description="Whose account to unlock.")
class UnlockUserInput:
    """What unlocking takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")


@strawberry.type(description="How many sessions were ended.")
class SessionsEndedPayload(Payload):
    """The number, which may be nought."""

    count: int = strawberry.field(default=0, description="How many sessions were ended.")


@strawberry.type
class SessionsMutation:
    """Where one is signed in no longer."""

    @mutation("Ends one of your sessions, on all servers at once; anybody's, for administrators.")
    def revoke_session(self, info: Info, input: RevokeSessionInput) -> SessionsEndedPayload:
        """End it; the current one ends as by logging out."""
        session_id = node_key(input.session_id, "Session")
        revoke_session(session_id, actor=info.context.actor)
        if session_id == info.context.actor.session_id:
            _leave(info)
        return SessionsEndedPayload(count=1)

    @mutation("Ends all your sessions but this one.")
    def revoke_other_sessions(self, info: Info) -> SessionsEndedPayload:
        """End the others."""
        return SessionsEndedPayload(count=revoke_other_sessions(actor=info.context.actor))

    @mutation("Ends all your sessions, this one too.")
    def log_out_everywhere(self, info: Info) -> SessionsEndedPayload:
        """End them all, and have the view clear the cookie."""
        count = log_out_everywhere(actor=info.context.actor)
        _leave(info)
        return SessionsEndedPayload(count=count)

    @mutation("Ends all sessions of a person, for administrators.")
    def end_sessions(self, info: Info, input: EndSessionsInput) -> SessionsEndedPayload:
        """End them all, the administrator's own if they are the person."""
        user_id = node_key(input.user_id, "User")
        count = end_sessions(user_id, actor=info.context.actor)
        if user_id == info.context.actor.user_id:
            _leave(info)
        return SessionsEndedPayload(count=count)

    @mutation("Forgets the failed log-ins of a person, for administrators.")
    def unlock_user(self, info: Info, input: UnlockUserInput) -> UserPayload:
        """Let the person try again."""
        user = unlock_user(node_key(input.user_id, "User"), actor=info.context.actor)
        return UserPayload(user_id=user.pk)


def _leave(info: Info) -> None:
    info.context.session_is_over(nobody_at(info.context.actor))
