"""Errors the domain raises; `schema/errors.py` is the one place that turns them into GraphQL.

A `DomainError` is an answer a well-meaning client can get: expected ones are told in a
mutation's `errors`, the others as top-level GraphQL errors. Anything else that escapes a
resolver is a fault: logged with its traceback, told only as INTERNAL_ERROR.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.enums import DescribedEnum

Text = str | Promise


class ErrorCode(DescribedEnum):
    """Machine-readable reasons. Clients may rely on them: they are never renamed."""

    # What was entered (payload errors).
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
    VALUE_INVALID = "VALUE_INVALID", "The field does not accept this value."
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
    CONFLICT = (
        "CONFLICT",
        "Another writer changed the value since it was read; nothing was written.",
    )
    TOKEN_INVALID = "TOKEN_INVALID", "The token does not work, or not any more."
    TOKEN_EXPIRED = "TOKEN_EXPIRED", "The link is too old."
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
    NOT_FOUND = "NOT_FOUND", "There is no such object, or it is not for you to see."
    LAST_ADMINISTRATOR = "LAST_ADMINISTRATOR", "Nobody would be left to administer the service."
    LAST_OWNER = "LAST_OWNER", "The organisation would be left without an owner."
    DELETION_PENDING = "DELETION_PENDING", "The account is to be deleted; that can be undone."
    ALREADY_MEMBER = "ALREADY_MEMBER", "The person belongs to the organisation already."
    INVITATION_OF_ANOTHER = (
        "INVITATION_OF_ANOTHER",
        "The invitation is for another address than that of whoever is signed in.",
    )
    TOO_MANY_INVITATIONS = (
        "TOO_MANY_INVITATIONS",
        "So many people are invited to the organisation that some have to answer first.",
    )
    TOO_MANY_TOKENS = (
        "TOO_MANY_TOKENS",
        "There are so many API tokens that some have to be revoked or expire first.",
    )
    IMPERSONATION_REFUSED = (
        "IMPERSONATION_REFUSED",
        "Nobody acts in this person's name, or in anybody's here.",
    )
    SELECTION_CHANGED = (
        "SELECTION_CHANGED",
        "Not as many people are selected as were expected; nobody was touched.",
    )
    BULK_ACTION_RUNNING = (
        "BULK_ACTION_RUNNING",
        "Another bulk action of whoever is signed in goes on; it can be cancelled.",
    )
    OWN_ACCOUNT = "OWN_ACCOUNT", "Nobody does this to their own account in bulk."
    # Who asks, and for what (top-level errors).
    UNAUTHENTICATED = "UNAUTHENTICATED", "Nobody is signed in; a top-level error."
    FORBIDDEN = "FORBIDDEN", "Whoever is signed in may not do this; a top-level error."
    INSUFFICIENT_SCOPE = (
        "INSUFFICIENT_SCOPE",
        "The API token or the impersonation is not good for this; a top-level error.",
    )
    REAUTHENTICATION_REQUIRED = (
        "REAUTHENTICATION_REQUIRED",
        "Prove again who you are, by one of `extensions.methods`; a top-level error.",
    )
    SECOND_FACTOR_REQUIRED = (
        "SECOND_FACTOR_REQUIRED",
        "Whoever is signed in must set up a second factor first; a top-level error.",
    )
    TOO_MANY_ATTEMPTS = (
        "TOO_MANY_ATTEMPTS",
        "Try again after `extensions.retryAfter` seconds; a top-level error.",
    )
    SERVICE_BUSY = (
        "SERVICE_BUSY",
        "Too much expensive work at once; see `extensions.retryAfter`. A top-level error.",
    )
    ARGUMENT_INVALID = "ARGUMENT_INVALID", "An argument is out of range; a top-level error."
    CURSOR_INVALID = (
        "CURSOR_INVALID",
        "This connection never gave out this cursor; a top-level error.",
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend in an input, with the path of the field it is about."""

    code: ErrorCode
    message: Text
    field: Sequence[str] = field(default=())


class DomainError(Exception):
    """An answer to a request that cannot be served as asked."""

    code: ClassVar[ErrorCode]
    message: ClassVar[Text]

    def __init__(self, message: Text | None = None) -> None:
        """Use the class's message, or a more telling one."""
        self.text = self.message if message is None else message
        self.extensions: dict[str, object] = {}
        super().__init__(self.text)


class InputRejectedError(Exception):
    """The input of a mutation has problems; nothing was changed."""

    def __init__(self, *problems: Problem) -> None:
        """Carry every problem found, so that a form can show all of them at once."""
        self.problems = problems
        super().__init__(", ".join(problem.code for problem in problems))

    def about(self, field: str) -> "InputRejectedError":
        """Return the same refusal, told of the field that the client did send."""
        return InputRejectedError(*(replace(problem, field=(field,)) for problem in self.problems))


class UnauthenticatedError(DomainError):
    """Nobody is signed in, and the request needs somebody."""

    code = ErrorCode.UNAUTHENTICATED
    message = _("Sign in to do this.")


class ForbiddenError(DomainError):
    """Somebody is signed in who may not do this."""

    code = ErrorCode.FORBIDDEN
    message = _("You are not allowed to do this.")


class InsufficientScopeError(DomainError):
    """A token is not good for what its owner might do (RFC 6750, section 3.1).

    ``scope`` is what would be needed; None for what no token may do, or if it is not known.
    """

    code = ErrorCode.INSUFFICIENT_SCOPE
    message = _("This API token is not good for this.")

    def __init__(self, scope: str | None = None) -> None:
        """Name the scope for programs."""
        super().__init__()
        self.scope = scope
        self.extensions = {"scope": scope}


class ImpersonationError(InsufficientScopeError):
    """An administrator acts in somebody's name, and this is for the person alone to do."""

    message = _("This is for the person alone to do. End the impersonation first.")


class ReauthenticationRequiredError(DomainError):
    """The person proved who they are too long ago for this, or by too little.

    ``methods`` are those by which they can do so now, ``max_age`` how many seconds that holds.
    """

    code = ErrorCode.REAUTHENTICATION_REQUIRED
    message = _("Confirm that it is you, then try again.")

    def __init__(self, methods: Sequence[str], *, max_age: int) -> None:
        """Say what to ask the person for."""
        super().__init__()
        self.methods = methods
        self.extensions = {"methods": [*methods], "maxAge": max_age}


class SecondFactorRequiredError(DomainError):
    """The service demands a second factor, and the person has set up none in time."""

    code = ErrorCode.SECOND_FACTOR_REQUIRED
    message = _("Set up a second factor first.")


class TooManyAttemptsError(DomainError):
    """A limit on attempts is reached; ``retry_after`` is in whole seconds."""

    code = ErrorCode.TOO_MANY_ATTEMPTS
    message = _("Too many attempts. Try again later.")

    def __init__(self, retry_after: int) -> None:
        """Say how long to wait."""
        super().__init__()
        self.retry_after = retry_after
        self.extensions = {"retryAfter": retry_after}


class ServiceBusyError(DomainError):
    """So much expensive work is going on that more of it is refused, not queued."""

    code = ErrorCode.SERVICE_BUSY
    message = _("The server is busy. Try again in a moment.")

    def __init__(self, retry_after: int = 2) -> None:
        """Say how many seconds to wait."""
        super().__init__()
        self.retry_after = retry_after
        self.extensions = {"retryAfter": retry_after}


class ArgumentInvalidError(DomainError):
    """An argument of a query has a value outside its documented range."""

    code = ErrorCode.ARGUMENT_INVALID
    message = _("An argument has a value outside its range.")


class CursorInvalidError(DomainError):
    """A cursor that this connection, in this order, never gave out."""

    code = ErrorCode.CURSOR_INVALID
    message = _("This cursor is not one of this connection's. Start again without it.")
