"""Reasons and errors of the app; see `core.errors`."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, ErrorCode, InsufficientScopeError


class AccountErrorCode(ErrorCode):
    """Reasons about accounts, and about who may act for them."""

    EMAIL_INVALID = "EMAIL_INVALID", "This is not an e-mail address we can write to."
    EMAIL_TAKEN = "EMAIL_TAKEN", "Somebody has an account with this address."
    EMAIL_PRIMARY = "EMAIL_PRIMARY", "This is the primary address, which stays."
    TOO_MANY_EMAIL_ADDRESSES = (
        "TOO_MANY_EMAIL_ADDRESSES",
        "So many addresses belong to the person that one has to go first.",
    )
    USERNAME_INVALID = "USERNAME_INVALID", "The username breaks the rules for usernames."
    EMAIL_DOMAIN_NOT_ALLOWED = (
        "EMAIL_DOMAIN_NOT_ALLOWED",
        "Only addresses of certain domains may sign up here.",
    )
    USERNAME_TAKEN = "USERNAME_TAKEN", "Somebody has this username, or asked for it first."
    USERNAME_RESERVED = "USERNAME_RESERVED", "Nobody may choose this username for themselves."
    SIGN_UP_CLOSED = "SIGN_UP_CLOSED", "Accounts are made by invitation or by administrators."
    PASSWORD_TOO_WEAK = "PASSWORD_TOO_WEAK", "The password is too short or too easy to guess."
    PASSWORD_WRONG = (
        "PASSWORD_WRONG",
        "This is not the current password or, of a sign-up, not the one that it was made with.",
    )
    PASSWORD_REQUIRED = (
        "PASSWORD_REQUIRED",
        "The mailed link alone is not enough: prove by the password that the request is yours.",
    )
    LOCALE_UNSUPPORTED = "LOCALE_UNSUPPORTED", "There are no texts in this language."
    TIME_ZONE_UNKNOWN = "TIME_ZONE_UNKNOWN", "The IANA database has no such time zone."
    IMAGE_INVALID = "IMAGE_INVALID", "The file is no picture of a kind that is shown here."
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE", "The picture has too many bytes or pixels."
    IMAGE_TOO_COMPLEX = (
        "IMAGE_TOO_COMPLEX",
        "Decoding the picture takes too much time or memory; save it as a JPEG, or shrink it.",
    )
    UPLOADS_OFF = "UPLOADS_OFF", "This deployment keeps no files."
    METADATA_INVALID = (
        "METADATA_INVALID",
        "The metadata violate the deployment's schema, at the place that the message tells.",
    )
    TOKEN_INVALID = "TOKEN_INVALID", "The token does not work, or not any more."
    TOKEN_EXPIRED = "TOKEN_EXPIRED", "The link is too old."
    LAST_ADMINISTRATOR = "LAST_ADMINISTRATOR", "Nobody would be left to administer the service."
    SECOND_FACTOR_REQUIRED = (
        "SECOND_FACTOR_REQUIRED",
        "Whoever is signed in must set up a second factor first; a top-level error.",
    )


class ImpersonationError(InsufficientScopeError):
    """An administrator acts in somebody's name, and this is for the person alone to do."""

    message = _("This is for the person alone to do. End the impersonation first.")


class SecondFactorRequiredError(DomainError):
    """The service demands a second factor, and the person has set up none in time."""

    code = AccountErrorCode.SECOND_FACTOR_REQUIRED
    message = _("Set up a second factor first.")
