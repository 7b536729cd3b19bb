"""Error codes and errors of accounts; see `core.errors`."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, ErrorCode, InsufficientScopeError


class AccountErrorCode(ErrorCode):
    """Error codes of accounts."""

    EMAIL_INVALID = "EMAIL_INVALID", "The e-mail address is malformed or cannot receive mail."
    EMAIL_TAKEN = "EMAIL_TAKEN", "Another account has this address."
    EMAIL_PRIMARY = "EMAIL_PRIMARY", "The primary address cannot be removed."
    TOO_MANY_EMAIL_ADDRESSES = (
        "TOO_MANY_EMAIL_ADDRESSES",
        "The user has the maximum number of addresses.",
    )
    USERNAME_INVALID = "USERNAME_INVALID", "The username breaks the rules for usernames."
    EMAIL_DOMAIN_NOT_ALLOWED = (
        "EMAIL_DOMAIN_NOT_ALLOWED",
        "Sign-up is restricted to other e-mail domains.",
    )
    USERNAME_TAKEN = "USERNAME_TAKEN", "Another account has this username."
    USERNAME_RESERVED = (
        "USERNAME_RESERVED",
        "The username is reserved; only administrators may assign it.",
    )
    SIGN_UP_CLOSED = (
        "SIGN_UP_CLOSED",
        "Sign-up is closed; accounts are created by invitation or by administrators.",
    )
    PASSWORD_TOO_WEAK = "PASSWORD_TOO_WEAK", "The password is too short or too easy to guess."
    PASSWORD_WRONG = (
        "PASSWORD_WRONG",
        "The password is not the account's or, to verify a sign-up, not the sign-up's.",
    )
    PASSWORD_REQUIRED = (
        "PASSWORD_REQUIRED",
        "The mailed link requires the password as well.",
    )
    LOCALE_UNSUPPORTED = "LOCALE_UNSUPPORTED", "The language is not supported."
    TIME_ZONE_UNKNOWN = "TIME_ZONE_UNKNOWN", "The time zone is not in the IANA database."
    IMAGE_INVALID = "IMAGE_INVALID", "The file is not an image in a supported format."
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE", "The image has too many bytes or pixels."
    IMAGE_TOO_COMPLEX = (
        "IMAGE_TOO_COMPLEX",
        "Decoding the image takes too much time or memory; save it as a JPEG, or shrink it.",
    )
    UPLOADS_OFF = "UPLOADS_OFF", "Uploads are disabled in this deployment."
    METADATA_INVALID = (
        "METADATA_INVALID",
        "The metadata violates the deployment's schema; the message has the JSON pointer.",
    )
    TOKEN_INVALID = "TOKEN_INVALID", "The token is invalid, was used or was replaced."
    TOKEN_EXPIRED = "TOKEN_EXPIRED", "The link has expired."
    LAST_ADMINISTRATOR = "LAST_ADMINISTRATOR", "The service would have no administrator left."
    SECOND_FACTOR_REQUIRED = (
        "SECOND_FACTOR_REQUIRED",
        "The user must set up a second factor first; a top-level error.",
    )


class ImpersonationError(InsufficientScopeError):
    """The operation is not available during an impersonation."""

    message = _("You cannot do this while you impersonate a user. End the impersonation first.")


class SecondFactorRequiredError(DomainError):
    """The user did not set up the required second factor in time."""

    code = AccountErrorCode.SECOND_FACTOR_REQUIRED
    message = _("Set up a second factor first.")
