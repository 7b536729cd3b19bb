"""Which changes of deletions and exports touch the user."""

from core.versions.touches import Touches, TouchesNothing, register_touches
from users.accounts.versions import TOUCH_USERS
from users.privacy.models import AccountDeletion, DataExport

register_touches(
    Touches(
        AccountDeletion,
        ("user_id",),
        TOUCH_USERS,
        hidden={
            "nonce": "the secret of a mailed link",
            "was_deactivated": "for the cancellation of the deletion",
        },
    ),
    TouchesNothing(DataExport, "Disappears by the clock."),
)
