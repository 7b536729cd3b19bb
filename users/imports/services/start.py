"""Starting imports."""

from collections.abc import Container, Iterable
from contextlib import ExitStack
from typing import IO, Any, Final, cast
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.utils.translation import gettext as _

from core.database.texts import replace_nul
from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.names import clean_name
from core.security.actor import Actor
from users.accounts.policy import may_administer, may_administer_groups, require
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.validation import Problems, clean_name_of
from users.imports.errors import FileInvalidError, ImportErrorCode, columns_error
from users.imports.fields import MAX_COLUMNS, ImportField, ImportFormat, ImportMode
from users.imports.models import COLUMN_MAX_LENGTH, FILE_NAME_MAX_LENGTH, UserImport
from users.imports.readers import Layout, find_layout, read_columns, read_records
from users.imports.services.run import USER_IMPORTS
from users.imports.throttling import count_import
from users.jobs.services.start import start_job
from users.jobs.spreadsheets import MARK_COLUMN

MAX_ROWS: Final = 10_000_000


def start_user_import(file: IO[bytes], *, actor: Actor, **options: Any) -> UserImport:
    """Start an import of users, which a worker carries out in batches.

    The ``options`` and the errors are those of `check_user_import`.
    """
    user_import = check_user_import(file, actor=actor, **options)
    start_checked_import(file, user_import, actor=actor)
    return user_import


def check_user_import(  # noqa: PLR0913 - the file, and how to read it
    file: IO[bytes],
    *,
    actor: Actor,
    format_: ImportFormat,
    mode: ImportMode = ImportMode.CREATE,
    mapping: Iterable[tuple[str, str]] | None = None,
    source: str = "",
    is_dry_run: bool = False,
    file_name: str = "",
    max_bytes: int | None = None,
) -> UserImport:
    """Return an import that may be started; nothing is written.

    The file is scanned once, so that a malformed one is refused as a whole. Invalid rows are not
    among that: the import skips them.

    ``mapping`` has pairs of a column and its `ImportField`. ``source`` is what external ids are of.
    ``file_name`` is only shown, so what cannot be shown is left out.
    Raises `InputRejectedError`, `TooManyAttemptsError`, `ReauthenticationRequiredError` and the
    policy's errors.
    """
    require(actor, may_administer)
    require(actor, may_administer_groups)
    require_recent_authentication(actor)
    problems = Problems()
    with problems.of("source", GenericErrorCode.VALUE_INVALID):
        source = clean_name_of(UserImport, "source", source)
    problems.refuse_any()
    requester_id = cast("UUID", actor.user_id)
    if UserImport.objects.live().filter(requester_id=requester_id).exists():
        # Before the scan, which takes minutes for a large file.
        raise InputRejectedError(_running())
    count_import(requester_id)
    _check_size(file, max_bytes)
    by_column = _unique(mapping)
    layout = find_layout(file, format_, by_column)
    columns = read_columns(file, layout)
    total = _count_rows(file, layout, columns)
    _check_firebase(columns.values())
    _check_source(source, columns.values())
    ignored = [
        name[:COLUMN_MAX_LENGTH]
        for name, field in columns.items()
        if field is None and name != MARK_COLUMN
    ]
    return UserImport(
        requester_id=requester_id,
        token_id=actor.token_id,
        format=format_,
        mode=mode,
        is_dry_run=is_dry_run,
        source=source,
        file_name=_shown_name(file_name),
        layout=layout.to_json(),
        # A mapping says itself which columns are used.
        ignored_columns=ignored if by_column is None else [],
        offset=layout.start,
        line=layout.line,
        total=total,
    )


def start_checked_import(file: IO[bytes], user_import: UserImport, *, actor: Actor) -> None:
    """Store the file, write the row, and publish the first turn.

    The file is kept until the import has ended. Raises `InputRejectedError` if another import of
    the actor was started since the check.
    """
    storage, name = user_import.file.storage, str(user_import.file.name)
    with ExitStack() as undo:
        undo.callback(storage.delete, name)
        file.seek(0)
        storage.save(name, File(file))
        start_job(
            USER_IMPORTS,
            user_import,
            actor=actor,
            if_running=_running(),
            total=user_import.total,
            mode=user_import.mode,
            dry_run=user_import.is_dry_run,
        )
        undo.pop_all()


def _shown_name(name: str) -> str:
    """Return the end of a file's name; empty if it cannot be shown."""
    try:
        return clean_name(replace_nul(name))[-FILE_NAME_MAX_LENGTH:]
    except ValidationError:
        return ""


def _running() -> Problem:
    message = _("Wait for your other import to end, or cancel it.")
    return Problem(ImportErrorCode.IMPORT_RUNNING, message)


def _check_size(file: IO[bytes], max_bytes: int | None) -> None:
    size = file.seek(0, 2)
    if max_bytes is not None and size > max_bytes:
        raise _too_large_error(
            _("Send at most %(max)d bytes, or split the file.") % {"max": max_bytes}
        )


def _unique(mapping: Iterable[tuple[str, str]] | None) -> dict[str, str] | None:
    """Return the mapping by column. Raises `InputRejectedError` if a column is twice in it."""
    if mapping is None:
        return None
    pairs = list(mapping)
    by_column = dict(pairs)
    if len(by_column) < len(pairs) or len(pairs) > MAX_COLUMNS:
        raise columns_error(_("Map at most %(max)d columns, and each once.") % {"max": MAX_COLUMNS})
    return by_column


def _check_firebase(fields: Container[ImportField | None]) -> None:
    """Raise `InputRejectedError` for salts without the parameters of Firebase."""
    if ImportField.PASSWORD_SALT in fields and not settings.FIREBASE_SCRYPT:
        raise columns_error(_("Set FIREBASE_SCRYPT to import hashes with salts."))


def _check_source(source: str, fields: Container[ImportField | None]) -> None:
    """Raise `InputRejectedError` for external ids without a source."""
    if not source and ImportField.EXTERNAL_ID in fields:
        message = _("Give a source: the name of the system that the external ids are of.")
        raise InputRejectedError(Problem(ImportErrorCode.SOURCE_REQUIRED, message, ("source",)))


def _count_rows(file: IO[bytes], layout: Layout, columns: dict[str, ImportField | None]) -> int:
    """Return the number of rows of the whole file; add JSON's keys to the columns.

    Raises `InputRejectedError`.
    """
    total = 0
    for total, _record in enumerate(read_records(file, layout, columns=columns), 1):
        if total > MAX_ROWS:
            raise _too_large_error(_("Import at most %(max)d rows at once.") % {"max": MAX_ROWS})
    if not total:
        raise FileInvalidError(_("The file has no rows."))
    return total


def _too_large_error(message: str) -> InputRejectedError:
    return InputRejectedError(Problem(ImportErrorCode.FILE_TOO_LARGE, message, ("file",)))
