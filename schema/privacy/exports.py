"""Asking for one's data."""

from typing import cast
from uuid import UUID

import strawberry

from schema.accounts.types import UserPayload
from schema.context import Info
from schema.mutations import mutation
from users.accounts.policy import may_change_credentials, require
from users.privacy.services.export import request_data_export


@strawberry.type
class ExportMutation:
    """Exports of personal data."""

    @mutation(
        "Has all that is kept about you put together; a link to it is mailed when it is ready."
    )
    def request_data_export(self, info: Info) -> UserPayload:
        """Ask for the actor's own data."""
        actor = info.context.actor
        require(actor, may_change_credentials, actor.user_id)
        user_id = cast("UUID", actor.user_id)
        request_data_export(user_id, actor=actor)
        return UserPayload(user_id=user_id)
