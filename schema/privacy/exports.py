"""Asking for one's data."""

import strawberry

from schema.accounts.own import own_id
from schema.accounts.types import UserPayload
from schema.context import Info
from schema.mutations import mutation
from users.privacy.services.export import request_data_export


@strawberry.type
class ExportMutation:
    """Exports of personal data."""

    @mutation(
        "Has all that is kept about you put together; a link to it is mailed when it is ready."
    )
    def request_data_export(self, info: Info) -> UserPayload:
        """Ask for the actor's own data."""
        user_id = own_id(info)
        request_data_export(user_id, actor=info.context.actor)
        return UserPayload(user_id=user_id)
