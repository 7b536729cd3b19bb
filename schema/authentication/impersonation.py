"""Acting in somebody's name."""

import datetime as dt

import strawberry

from schema.authentication.mutations import SignedInPayload
from schema.context import Info
from schema.mutations import mutation
from schema.nodes import node_key
from users.authentication.services.impersonation import impersonate_user


@strawberry.input(description="In whose name to act, why, and for how long.")
class ImpersonateUserInput:
    """What impersonating takes."""

    user_id: strawberry.ID = strawberry.field(description="The person's `id`.")
    reason: str = strawberry.field(description="1 to 500 characters; recorded.")
    minutes: int | None = strawberry.field(
        default=None,
        description="From 1 to the deployment's limit, which it is without; nothing prolongs it.",
    )


@strawberry.type(description="The tokens of a session in the person's name, beside one's own.")
class ImpersonationPayload(SignedInPayload):
    """What to act with, and until when."""

    expires_at: dt.datetime | None = strawberry.field(
        default=None, description="When it ends, however often the tokens are refreshed."
    )


@strawberry.type
class ImpersonationMutation:
    """What administrators do to see what a person sees."""

    @mutation(
        "Begins a session in a person's name, for administrators: short, recorded, told to the "
        "person, and good for nothing that takes the person. `logOut` with its token ends it."
    )
    def impersonate_user(self, info: Info, input: ImpersonateUserInput) -> ImpersonationPayload:
        """Begin it; the request goes on as the administrator's."""
        signed_in = impersonate_user(
            node_key(input.user_id, "User"),
            actor=info.context.actor,
            reason=input.reason,
            minutes=input.minutes,
        )
        return ImpersonationPayload(
            user_id=signed_in.session.user_id,
            access_token=signed_in.access_token,
            refresh_token=signed_in.refresh_token,
            expires_at=signed_in.session.expires_at,
        )
