"""Base classes of every app's errors; `schema/errors.py` maps them to GraphQL.

A `DomainError` is an error that a correct client may receive: in a mutation's `errors` if it is
expected there, otherwise as a top-level GraphQL error. Any other exception from a resolver is a
defect: it is logged with its traceback, and the response has only INTERNAL_ERROR.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.enums import DescribedEnum

Text = str | Promise


class ErrorCode(DescribedEnum):
    """Base class of enums of error codes: the generic ones, and those of each app.

    Codes are never renamed, because clients rely on them. `schema.error_codes` merges the enums.
    """


class GenericErrorCode(ErrorCode):
    """Error codes that do not belong to one app."""

    VALUE_INVALID = "VALUE_INVALID", "The field does not accept this value."
    CONFLICT = (
        "CONFLICT",
        "The value has changed since it was read; nothing was written.",
    )
    NOT_FOUND = "NOT_FOUND", "The object does not exist or is not visible to you."
    UNAUTHENTICATED = "UNAUTHENTICATED", "The request is not authenticated; a top-level error."
    FORBIDDEN = "FORBIDDEN", "The user lacks the permission for this; a top-level error."
    INSUFFICIENT_SCOPE = (
        "INSUFFICIENT_SCOPE",
        "The API token or the impersonation lacks a required scope; a top-level error.",
    )
    REAUTHENTICATION_REQUIRED = (
        "REAUTHENTICATION_REQUIRED",
        "Reauthenticate by one of `extensions.methods`; a top-level error.",
    )
    TOO_MANY_ATTEMPTS = (
        "TOO_MANY_ATTEMPTS",
        "Try again after `extensions.retryAfter` seconds; a top-level error.",
    )
    SERVICE_BUSY = (
        "SERVICE_BUSY",
        "The server is busy. Retry after `extensions.retryAfter` seconds; a top-level error.",
    )
    ARGUMENT_INVALID = "ARGUMENT_INVALID", "An argument is out of range; a top-level error."
    CURSOR_INVALID = (
        "CURSOR_INVALID",
        "The cursor does not belong to this connection; a top-level error.",
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """One error in a mutation's input, with the path of its field."""

    code: ErrorCode
    message: Text
    field: Sequence[str] = field(default=())


class DomainError(Exception):
    """An error that a correct client may receive."""

    code: ClassVar[ErrorCode]
    message: ClassVar[Text]

    def __init__(self, message: Text | None = None) -> None:
        """Use the class's message, or a more specific one."""
        self.text = self.message if message is None else message
        self.extensions: dict[str, object] = {}
        super().__init__(self.text)


class InputRejectedError(Exception):
    """The input of a mutation is invalid; nothing was changed."""

    def __init__(self, *problems: Problem) -> None:
        """Take all problems, so that a form can show them at once."""
        self.problems = problems
        super().__init__(", ".join(problem.code for problem in problems))

    def with_field(self, field: str) -> "InputRejectedError":
        """Return the error with all problems assigned to the field that the client sent."""
        return InputRejectedError(*(replace(problem, field=(field,)) for problem in self.problems))


class UnauthenticatedError(DomainError):
    """The request requires authentication and has none."""

    code = GenericErrorCode.UNAUTHENTICATED
    message = _("Sign in to do this.")


class InvalidTokenError(DomainError):
    """The bearer token is malformed, unknown, expired or revoked, or its user is inactive."""

    code = GenericErrorCode.UNAUTHENTICATED
    message = _("The access token is no longer valid. Refresh it or sign in again.")


class ForbiddenError(DomainError):
    """The user lacks the permission for this."""

    code = GenericErrorCode.FORBIDDEN
    message = _("You are not allowed to do this.")


class InsufficientScopeError(DomainError):
    """A token lacks the required scope (RFC 6750, section 3.1).

    ``scope`` is the required scope; None if no token may do this, or if it is unknown.
    """

    code = GenericErrorCode.INSUFFICIENT_SCOPE
    message = _("This API token lacks the required scope.")

    def __init__(self, scope: str | None = None) -> None:
        """Put the scope into the extensions."""
        super().__init__()
        self.scope = scope
        self.extensions = {"scope": scope}


class ReauthenticationRequiredError(DomainError):
    """The operation requires a recent or stronger authentication (step-up).

    ``methods`` are the ways in which the user can reauthenticate; ``max_age`` is how long an
    authentication counts as recent, in seconds.
    """

    code = GenericErrorCode.REAUTHENTICATION_REQUIRED
    message = _("Confirm that it is you, then try again.")

    def __init__(self, methods: Sequence[str], *, max_age: int) -> None:
        """Put the methods and the maximum age into the extensions."""
        super().__init__()
        self.methods = methods
        self.extensions = {"methods": [*methods], "maxAge": max_age}


class TooManyAttemptsError(DomainError):
    """A rate limit on attempts is exceeded; ``retry_after`` is in whole seconds."""

    code = GenericErrorCode.TOO_MANY_ATTEMPTS
    message = _("Too many attempts. Try again later.")

    def __init__(self, retry_after: int) -> None:
        """Put the seconds to wait into the extensions."""
        super().__init__()
        self.retry_after = retry_after
        self.extensions = {"retryAfter": retry_after}


class ServiceBusyError(DomainError):
    """Expensive work is refused, not queued, because its concurrency limit is reached."""

    code = GenericErrorCode.SERVICE_BUSY
    message = _("The server is busy. Try again in a moment.")

    def __init__(self, retry_after: int = 2) -> None:
        """Put the seconds to wait into the extensions."""
        super().__init__()
        self.retry_after = retry_after
        self.extensions = {"retryAfter": retry_after}


class ArgumentInvalidError(DomainError):
    """An argument of a query is outside its documented range."""

    code = GenericErrorCode.ARGUMENT_INVALID
    message = _("An argument has a value outside its range.")


class CursorInvalidError(DomainError):
    """A cursor does not belong to this connection in this order."""

    code = GenericErrorCode.CURSOR_INVALID
    message = _("This cursor does not belong to this connection. Start again without it.")
