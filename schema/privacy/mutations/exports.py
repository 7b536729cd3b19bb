"""Mutation that requests a data export."""

import strawberry

from schema.accounts.own_id import require_self_id
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.mutation import mutation
from schema.scopes import NoScope
from users.privacy.services.export import request_data_export


@strawberry.type
class ExportMutation:
    """Exports of personal data."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def request_data_export(self, info: Info) -> UserPayload:
        """Request an archive of your personal data.

        A download link is mailed when it is ready.
        """
        user_id = require_self_id(info)
        request_data_export(user_id, actor=info.context.actor)
        return UserPayload(user_id=user_id)
