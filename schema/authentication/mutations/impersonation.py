"""Acting in somebody's name."""

import datetime as dt

import strawberry

from schema.authentication.mutations.log_in import SignedInPayload
from schema.context import Info
from schema.inputs import UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from schema.scopes import NoScope
from users.authentication.services.impersonation import impersonate_user


@strawberry.input
class ImpersonateUserInput(UserIdInput):
    """In whose name to act, why, and for how long."""

    reason: str = strawberry.field(description="1 to 500 characters; recorded.")
    minutes: int | None = strawberry.field(
        default=None,
        description="From 1 to the deployment's limit, which it is without; nothing prolongs it.",
    )


@strawberry.type
class ImpersonationPayload(SignedInPayload):
    """The tokens of a session in the person's name, beside one's own."""

    expires_at: dt.datetime | None = strawberry.field(
        default=None, description="When it ends, however often the tokens are refreshed."
    )


@strawberry.type
class ImpersonationMutation:
    """What administrators do to see what a person sees."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def impersonate_user(self, info: Info, input: ImpersonateUserInput) -> ImpersonationPayload:
        """Begin a session in a user's name, for administrators.

        It is short, recorded and announced to the user, and may not take over the account. `logOut`
        with its token ends it.
        """
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
