"""Reasons and errors of the app; see `core.errors`."""

from core.errors import ErrorCode


class AuthenticationErrorCode(ErrorCode):
    """Reasons about signing in, second factors, tokens and impersonation."""

    CREDENTIALS_INVALID = (
        "CREDENTIALS_INVALID",
        "Login and password do not match an active account.",
    )
    CODE_INVALID = "CODE_INVALID", "The code is wrong, too old, or was used already."
    TOTP_ACTIVE = "TOTP_ACTIVE", "An authenticator app is set up; it is to be removed first."
    PASSKEY_INVALID = (
        "PASSKEY_INVALID",
        "What the passkey answered does not prove anything here, or not any more.",
    )
    PASSKEY_TAKEN = "PASSKEY_TAKEN", "This passkey is registered already."
    TOO_MANY_PASSKEYS = "TOO_MANY_PASSKEYS", "One of the passkeys has to be removed first."
    TOO_MANY_TOKENS = (
        "TOO_MANY_TOKENS",
        "There are so many API tokens that some have to be revoked or expire first.",
    )
    IMPERSONATION_REFUSED = (
        "IMPERSONATION_REFUSED",
        "Nobody acts in this person's name, or in anybody's here.",
    )
