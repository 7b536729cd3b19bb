"""Error codes of privacy; see `core.errors`."""

from core.errors import ErrorCode


class PrivacyErrorCode(ErrorCode):
    """Error codes of deletions."""

    DELETION_PENDING = (
        "DELETION_PENDING",
        "The account is scheduled for deletion, which can be cancelled.",
    )
