"""Error codes of exports; see `core.errors`."""

from core.errors import ErrorCode


class ExportErrorCode(ErrorCode):
    """Error codes for starting an export."""

    USER_EXPORT_RUNNING = (
        "USER_EXPORT_RUNNING",
        "Another export of the current user is still running.",
    )
