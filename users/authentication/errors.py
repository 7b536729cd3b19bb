"""Error codes of the authentication app."""

from core.errors import ErrorCode


class AuthenticationErrorCode(ErrorCode):
    """Error codes for sign-in, second factors, tokens and impersonation."""

    CREDENTIALS_INVALID = (
        "CREDENTIALS_INVALID",
        "The login and password do not match an active account.",
    )
    CODE_INVALID = "CODE_INVALID", "The code is wrong, expired or already used."
    TOTP_ACTIVE = "TOTP_ACTIVE", "An authenticator app is already set up."
    PASSKEY_INVALID = (
        "PASSKEY_INVALID",
        "The passkey's response could not be verified, or its challenge expired.",
    )
    PASSKEY_TAKEN = "PASSKEY_TAKEN", "This passkey is already registered."
    TOO_MANY_PASSKEYS = "TOO_MANY_PASSKEYS", "The user has the maximum number of passkeys."
    TOO_MANY_TOKENS = (
        "TOO_MANY_TOKENS",
        "The account has the maximum number of active API tokens.",
    )
    IMPERSONATION_REFUSED = (
        "IMPERSONATION_REFUSED",
        "The user cannot be impersonated, or impersonation is disabled.",
    )
