"""The mutation that starts an export of users."""

from uuid import UUID

import strawberry

from schema.context import Info
from schema.directory.filters import UserFilter, spec_of
from schema.errors import Payload
from schema.exports.types import UserExport
from schema.mutation import mutation
from schema.payloads import changed_object
from schema.scopes import NoScope
from users.exports import models
from users.exports.columns import UserColumn
from users.exports.formats import ExportFormat
from users.exports.services.start import export_users
from users.jobs.selection import Selection


@strawberry.input
class ExportUsersInput:
    """The users and the columns of the file."""

    fields: list[UserColumn] = strawberry.field(description="Columns of the file, in order.")
    format: ExportFormat = strawberry.field(description="Format of the file.")
    filter: UserFilter | None = strawberry.field(
        default=None, description="Conditions that the users must meet, as in `users`."
    )
    search: str | None = strawberry.field(
        default=None,
        description="Words to find, as in `users`. Combined with `filter`, both must match. "
        "Default of both: all users.",
    )


@strawberry.type
class ExportUsersPayload(Payload):
    """The started export."""

    user_export_id: strawberry.Private[UUID | None] = None
    user_export: UserExport | None = changed_object(models.UserExport, "user_export_id", "export")


@strawberry.type
class ExportsMutation:
    """Exports of users."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def export_users(self, info: Info, input: ExportUsersInput) -> ExportUsersPayload:
        """Start an export of users to a file. Administrators only.

        It is written in the background; `job` reports its progress, and the link to the file is
        mailed. Each administrator can run one at a time.
        """
        export = export_users(
            actor=info.context.actor,
            selection=Selection(spec_of(input.filter), input.search),
            columns=input.fields,
            file_format=input.format,
        )
        return ExportUsersPayload(user_export_id=export.pk)
