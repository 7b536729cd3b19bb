"""Sessions, second factors, API tokens and suspensions."""

from users.authentication.models.api_tokens import ApiToken, ServiceAccount
from users.authentication.models.factors import (
    Passkey,
    PasskeyChallenge,
    PendingLogIn,
    RecoveryCode,
    Totp,
)
from users.authentication.models.sessions import PasswordReset, RefreshToken, Session, Suspension

__all__ = [
    "ApiToken",
    "Passkey",
    "PasskeyChallenge",
    "PasswordReset",
    "PendingLogIn",
    "RecoveryCode",
    "RefreshToken",
    "ServiceAccount",
    "Session",
    "Suspension",
    "Totp",
]
