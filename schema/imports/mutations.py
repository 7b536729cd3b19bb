"""The mutation that starts an import of users."""

from uuid import UUID

import strawberry
from django.conf import settings

from schema.context import Info
from schema.errors import Payload
from schema.imports.types import UserImport
from schema.mutation import mutation
from schema.payloads import changed_object
from schema.scalars import Upload
from schema.scopes import NoScope
from users.imports import models
from users.imports.fields import ImportField, ImportFormat, ImportMode
from users.imports.services.start import start_user_import


@strawberry.input
class ColumnMappingInput:
    """The field of a column."""

    column: str = strawberry.field(description="Name of the column, or key of the objects.")
    field: ImportField = strawberry.field(description="Field that has its values.")


@strawberry.input
class ImportUsersInput:
    """The file, and how to read it."""

    file: Upload = strawberry.field(description="Text in UTF-8, not compressed.")
    format: ImportFormat = strawberry.field(description="Format of the file.")
    mapping: list[ColumnMappingInput] | None = strawberry.field(
        default=None,
        description="Fields of columns; others are ignored. Default: all columns have the names "
        "of fields, such as `email_verified`; those that only exports have are ignored.",
    )
    mode: ImportMode = strawberry.field(
        default=ImportMode.CREATE, description="What happens to rows about existing users."
    )
    source: str = strawberry.field(
        default="",
        description="System that `external_id` is of: at most 50 characters. Required with it.",
    )
    dry_run: bool = strawberry.field(
        default=False, description="Whether to check the rows only, and to import nothing."
    )


@strawberry.type
class ImportUsersPayload(Payload):
    """The started import."""

    user_import_id: strawberry.Private[UUID | None] = None
    user_import: UserImport | None = changed_object(models.UserImport, "user_import_id", "import")


@strawberry.type
class ImportsMutation:
    """Imports of users."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def import_users(self, info: Info, input: ImportUsersInput) -> ImportUsersPayload:
        """Start an import of users from a file, in a multipart request. Administrators only.

        A malformed file is refused as a whole. It is imported in the background; `job` reports the
        progress, and invalid rows are skipped. Each administrator can run one at a time. No mails
        are sent.
        """
        pairs = input.mapping
        user_import = start_user_import(
            input.file,
            actor=info.context.actor,
            format_=input.format,
            mode=input.mode,
            mapping=None if pairs is None else [(each.column, each.field) for each in pairs],
            source=input.source,
            is_dry_run=input.dry_run,
            file_name=input.file.name or "",
            max_bytes=settings.IMPORT_MAX_BYTES,
        )
        return ImportUsersPayload(user_import_id=user_import.pk)
