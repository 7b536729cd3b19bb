"""The type of exports of users."""

import datetime as dt
from uuid import UUID

import strawberry_django
from strawberry import relay
from strawberry.scalars import JSON

from schema.enums import describe_enum
from schema.jobs.selection import filter_field, search_field
from schema.jobs.types import Job
from users.exports import models
from users.exports.columns import UserColumn
from users.exports.formats import ExportFormat

describe_enum(UserColumn)
describe_enum(ExportFormat)


@strawberry_django.type(models.UserExport)
class UserExport(Job):
    """A file with columns of all users of a selection."""

    id: relay.NodeID[UUID]
    fields: list[UserColumn] = strawberry_django.field(
        field_name="columns", description="Columns of the file, in order."
    )
    format: ExportFormat = strawberry_django.field(description="Format of the file.")
    search: str | None = search_field()
    filter: JSON | None = filter_field()

    @strawberry_django.field(only=["size"])
    def size(self: models.UserExport) -> float:
        """Bytes written, without the line of headers."""
        return self.size

    @strawberry_django.field(only=["state", "finished_at"])
    def expires_at(self: models.UserExport) -> dt.datetime | None:
        """When the file is deleted; null unless the export is completed."""
        return self.expires_at

    @strawberry_django.field(only=["state", "finished_at"])
    def url(self: models.UserExport) -> str | None:
        """Page on which administrators download the file; null unless there is one."""
        return self.url if self.is_ready else None
