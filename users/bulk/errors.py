"""Error codes of the bulk app."""

from typing import Final

from core.errors import ErrorCode, GenericErrorCode
from users.accounts.errors import AccountErrorCode
from users.authentication.errors import AuthenticationErrorCode
from users.organizations.errors import OrganizationErrorCode
from users.privacy.errors import PrivacyErrorCode


class BulkErrorCode(ErrorCode):
    """Error codes for starting a bulk action, and for users that it skips."""

    SELECTION_CHANGED = (
        "SELECTION_CHANGED",
        "The number of selected users is not the expected one. Nothing was changed.",
    )
    BULK_ACTION_RUNNING = (
        "BULK_ACTION_RUNNING",
        "Another bulk action of the current user is still running.",
    )
    OWN_ACCOUNT = "OWN_ACCOUNT", "A bulk action skips the account of its requester."


# All codes of the services that run in bulk: a refusal is stored by its code.
ERROR_CODES: Final[tuple[type[ErrorCode], ...]] = (
    AccountErrorCode,
    AuthenticationErrorCode,
    OrganizationErrorCode,
    PrivacyErrorCode,
    BulkErrorCode,
    GenericErrorCode,
)
