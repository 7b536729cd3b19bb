"""Reasons and errors of the app; see `core.errors`."""

from typing import Final

from core.errors import ErrorCode, GenericErrorCode
from users.accounts.errors import AccountErrorCode
from users.authentication.errors import AuthenticationErrorCode
from users.organizations.errors import OrganizationErrorCode
from users.privacy.errors import PrivacyErrorCode


class BulkErrorCode(ErrorCode):
    """Reasons not to start a bulk action, or to skip a user in it."""

    SELECTION_CHANGED = (
        "SELECTION_CHANGED",
        "Not as many people are selected as were expected; nobody was touched.",
    )
    BULK_ACTION_RUNNING = (
        "BULK_ACTION_RUNNING",
        "Another bulk action of whoever is signed in goes on; it can be cancelled.",
    )
    OWN_ACCOUNT = "OWN_ACCOUNT", "Nobody does this to their own account in bulk."


# All of them: any refusal of a service that is carried out in bulk is stored by its code.
ERROR_CODES: Final[tuple[type[ErrorCode], ...]] = (
    AccountErrorCode,
    AuthenticationErrorCode,
    OrganizationErrorCode,
    PrivacyErrorCode,
    BulkErrorCode,
    GenericErrorCode,
)
