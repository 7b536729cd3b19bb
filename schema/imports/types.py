"""The type of imports of users."""

from collections.abc import Iterable
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from engine.relay.nested import nested_connection
from schema.context import Info
from schema.enums import describe_enum
from schema.error_codes import ErrorCode
from schema.jobs.types import Job, JobError, JobErrorConnection
from users.accounts.models import User
from users.imports import models
from users.imports.fields import ImportField, ImportFormat, ImportMode
from users.imports.models import ExternalIdQuerySet, SkippedRowQuerySet

describe_enum(ImportField)
describe_enum(
    ImportFormat,
    {
        ImportFormat.CSV: "Comma-separated values (RFC 4180) with a header, in UTF-8. Semicolons "
        "and tabs separate, too.",
        ImportFormat.JSON_LINES: "A JSON object per line, in UTF-8.",
    },
)
describe_enum(
    ImportMode,
    {
        ImportMode.CREATE: "Skip rows about existing users.",
        ImportMode.UPSERT: "Change existing users, found by external id or else by address.",
    },
)


@strawberry_django.type(models.ExternalId)
class ExternalId:
    """A user's id in a former system.

    An import took the user from there. Visible to staff.
    """

    source: auto = strawberry_django.field(
        description="`source` of the import; empty if it had none."
    )
    value: auto = strawberry_django.field(description="The id, unique within the `source`.")

    @classmethod
    def get_queryset(cls, queryset: ExternalIdQuerySet, info: Info) -> ExternalIdQuerySet:
        """Restrict every access path to visible external ids, by source."""
        return queryset.visible_to(info.context.actor).order_by("source")


@strawberry_django.type(User)
class ImportsFields:
    """The fields of `User` about imports."""

    external_ids: list[ExternalId] = strawberry_django.field(
        description="Ids in former systems, by source. Visible to staff; empty for others."
    )


@strawberry_django.type(models.SkippedRow)
class SkippedRow(JobError):  # noqa: N818 - not an exception
    """A row of a file that was not imported, and the reason."""

    line: auto = strawberry_django.field(
        description="Number of the row's first line. Of `manage.py adopt`, which reads no file, "
        "number of the user in the order of their ids."
    )
    code: ErrorCode = strawberry_django.field(description="Reason.")

    @strawberry_django.field(only=["field"])
    def field(self: models.SkippedRow) -> ImportField | None:
        """Field at fault; null if it is the whole row."""
        return ImportField(self.field) if self.field else None  # type: ignore[call-arg]

    @strawberry_django.field(only=["external_id"])
    def external_id(self: models.SkippedRow) -> str | None:
        """External id of the row; null if it has none, or an invalid one."""
        return self.external_id or None

    @strawberry_django.field(only=["code", "field", "value"])
    def message(self: models.SkippedRow) -> str:
        """What to do about it, in the language of `Accept-Language`."""
        return self.message

    @classmethod
    def get_queryset(cls, queryset: SkippedRowQuerySet, info: Info) -> SkippedRowQuerySet:
        """Restrict every access path to visible rows."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class SkippedRowConnection(  # type: ignore[misc]  # both have `nodes`
    KeysetConnection[SkippedRow],  # type: ignore[type-var]  # not a Node
    JobErrorConnection,
):
    """A page of skipped rows, in the order of the file."""


@strawberry_django.type(models.UserImport)
class UserImport(Job):
    """A file of users that is imported."""

    id: relay.NodeID[UUID]
    format: ImportFormat = strawberry_django.field(description="Format of the file.")
    mode: ImportMode = strawberry_django.field(
        description="What happens to rows about existing users."
    )
    is_dry_run: auto = strawberry_django.field(
        description="Whether rows are only checked, and nothing is imported."
    )
    file_name: auto = strawberry_django.field(
        description="Name of the uploaded file; empty if it has none that can be shown."
    )
    source: auto = strawberry_django.field(
        description="System that the external ids are of; empty if none was given."
    )
    ignored_columns: list[str] = strawberry_django.field(
        description="Columns of the file that only exports have, such as `id`, and imports do not "
        "set; empty with a `mapping`."
    )
    done: auto = strawberry_django.field(description="Number of users created or changed.")
    created: auto = strawberry_django.field(description="Number of users created.")
    unchanged: auto = strawberry_django.field(
        description="Number of rows whose users had these values already."
    )
    skipped: int = strawberry_django.field(
        field_name="failed", description="Number of rows that were skipped; see `errors`."
    )
    failed: auto = strawberry_django.field(
        description="As `skipped`, under the name that all jobs have."
    )

    @strawberry_django.field(only=["done", "created"])
    def changed(self: models.UserImport) -> int:
        """Number of existing users who were changed."""
        return self.changed

    @nested_connection(SkippedRowConnection, parent="user_import")
    def errors(self) -> Iterable[SkippedRow]:
        """Rows that were skipped, in the order of the file; the first 10,000 only."""
        return models.SkippedRow.objects.in_order()
