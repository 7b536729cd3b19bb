"""Reasons and errors of the app; see `core.errors`."""

from core.errors import ErrorCode


class PrivacyErrorCode(ErrorCode):
    """Reasons about the deletion of an account."""

    DELETION_PENDING = "DELETION_PENDING", "The account is to be deleted; that can be undone."
