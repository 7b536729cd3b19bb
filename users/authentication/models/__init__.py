"""Sessions, second factors, API tokens and suspensions."""

from users.authentication.models.api_tokens import ApiToken, ApiTokenQuerySet, ServiceAccount
from users.authentication.models.factors import (
    Passkey,
    PasskeyChallenge,
    PasskeyQuerySet,
    PendingLogIn,
    RecoveryCode,
    Totp,
    TotpQuerySet,
)
from users.authentication.models.sessions import (
    PasswordReset,
    RefreshToken,
    Session,
    SessionQuerySet,
    Suspension,
    SuspensionQuerySet,
)

__all__ = [
    "ApiToken",
    "ApiTokenQuerySet",
    "Passkey",
    "PasskeyChallenge",
    "PasskeyQuerySet",
    "PasswordReset",
    "PendingLogIn",
    "RecoveryCode",
    "RefreshToken",
    "ServiceAccount",
    "Session",
    "SessionQuerySet",
    "Suspension",
    "SuspensionQuerySet",
    "Totp",
    "TotpQuerySet",
]
