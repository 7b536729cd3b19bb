"""Error codes and errors of user imports."""

from typing import Final

from django.utils.translation import gettext as _

from core.errors import ErrorCode, GenericErrorCode, InputRejectedError, Problem
from users.accounts.errors import AccountErrorCode


class ImportErrorCode(ErrorCode):
    """Error codes of files, and of rows that an import skips."""

    FILE_INVALID = (
        "FILE_INVALID",
        "The file is empty, compressed, not in UTF-8 or malformed; the message has the line.",
    )
    FILE_TOO_LARGE = "FILE_TOO_LARGE", "The file has too many bytes or rows."
    COLUMNS_INVALID = (
        "COLUMNS_INVALID",
        "The columns are unknown, repeated or too many, or the mapping does not fit them.",
    )
    SOURCE_REQUIRED = (
        "SOURCE_REQUIRED",
        "External ids are unique within a `source`, and the file has some.",
    )
    IMPORT_RUNNING = "IMPORT_RUNNING", "Another import of the current user is still running."
    ROW_MALFORMED = (
        "ROW_MALFORMED",
        "The row has another number of cells than the header, is no object, or has a key twice.",
    )
    ROW_REPEATED = "ROW_REPEATED", "An earlier row of the file is about the same user."
    EXTERNAL_ID_TAKEN = "EXTERNAL_ID_TAKEN", "Another user has this external id."
    ROLE_UNKNOWN = "ROLE_UNKNOWN", "The row has a role that organisations do not have."
    PASSWORD_HASH_UNKNOWN = (
        "PASSWORD_HASH_UNKNOWN",
        "The password hash has no supported format.",
    )
    PASSWORD_HASH_TOO_COSTLY = (
        "PASSWORD_HASH_TOO_COSTLY",
        "Verifying the password hash would take too much time or memory.",
    )
    USER_PROTECTED = (
        "USER_PROTECTED",
        "Imports do not change staff, service accounts and accounts that are deleted.",
    )


# The codes by which skipped rows are stored.
ROW_CODES: Final[tuple[type[ErrorCode], ...]] = (
    AccountErrorCode,
    ImportErrorCode,
    GenericErrorCode,
)


class RowError(Exception):
    """A row that an import skips, by a code and the field at fault."""

    def __init__(self, code: ErrorCode, field: str = "", value: str = "") -> None:
        """Name the field as in `ImportField`; a value only if it is no personal data."""
        super().__init__(code)
        self.code = code
        self.field = field
        self.value = value


class FileInvalidError(InputRejectedError):
    """A file that cannot be read to its end."""

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        """Name the line, if the reason is in one."""
        if line is not None:
            reason = _("Line %(line)d: %(reason)s") % {"line": line, "reason": reason}
        super().__init__(Problem(ImportErrorCode.FILE_INVALID, reason, ("file",)))


def columns_error(reason: str, field: str = "file") -> InputRejectedError:
    """Return the error about a file's columns, or about their mapping."""
    return InputRejectedError(Problem(ImportErrorCode.COLUMNS_INVALID, reason, (field,)))
