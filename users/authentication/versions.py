"""Which changes of credentials and suspensions touch the user."""

from core.versions.touches import Touches, TouchesNothing, register_touches
from users.accounts.versions import TOUCH_USERS
from users.authentication.models import (
    ApiToken,
    Passkey,
    RecoveryCode,
    Session,
    Suspension,
    Totp,
)

register_touches(
    Touches(Suspension, ("user_id",), TOUCH_USERS),
    TouchesNothing(Session, "Changes with its use, and expires by the clock."),
    TouchesNothing(ApiToken, "Changes with its use."),
    TouchesNothing(Totp, "Changes with its use."),
    TouchesNothing(Passkey, "Changes with its use."),
    TouchesNothing(RecoveryCode, "Changes with its use."),
)
