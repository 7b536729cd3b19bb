"""Impersonation mutation."""

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
    """The user to impersonate, the reason and the duration."""

    reason: str = strawberry.field(
        description="Reason, 1 to 500 characters; recorded in the audit trail."
    )
    minutes: int | None = strawberry.field(
        default=None,
        description="Duration in minutes, up to the deployment's limit, which is the default. It "
        "cannot be extended.",
    )


@strawberry.type
class ImpersonationPayload(SignedInPayload):
    """The tokens of an impersonation session. Your own session stays active."""

    expires_at: dt.datetime | None = strawberry.field(
        default=None,
        description="When the session expires. Refreshing the tokens does not extend it.",
    )


@strawberry.type
class ImpersonationMutation:
    """Impersonation."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def impersonate_user(self, info: Info, input: ImpersonateUserInput) -> ImpersonationPayload:
        """Start a session that impersonates a user. Administrators only.

        It is short-lived, recorded in the audit trail, announced to the user by mail, and may not
        take over the account. `logOut` with its token ends it. Staff, service accounts and
        suspended users cannot be impersonated.
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
