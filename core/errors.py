"""What every app's `errors` builds on; `schema/errors.py` turns errors into GraphQL.

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
    """Base of the enums of machine-readable reasons: the generic ones, and those of each app.

    Clients may rely on them: they are never renamed. `schema.error_codes` makes one enum of all.
    """


class GenericErrorCode(ErrorCode):
    """Reasons that no app owns."""

    VALUE_INVALID = "VALUE_INVALID", "The field does not accept this value."
    CONFLICT = (
        "CONFLICT",
        "Another writer changed the value since it was read; nothing was written.",
    )
    NOT_FOUND = "NOT_FOUND", "There is no such object, or it is not for you to see."
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

    def with_field(self, field: str) -> "InputRejectedError":
        """Return the same refusal, told of the field that the client did send."""
        return InputRejectedError(*(replace(problem, field=(field,)) for problem in self.problems))


class UnauthenticatedError(DomainError):
    """Nobody is signed in, and the request needs somebody."""

    code = GenericErrorCode.UNAUTHENTICATED
    message = _("Sign in to do this.")


class ForbiddenError(DomainError):
    """Somebody is signed in who may not do this."""

    code = GenericErrorCode.FORBIDDEN
    message = _("You are not allowed to do this.")


class InsufficientScopeError(DomainError):
    """A token is not good for what its owner might do (RFC 6750, section 3.1).

    ``scope`` is what would be needed; None for what no token may do, or if it is not known.
    """

    code = GenericErrorCode.INSUFFICIENT_SCOPE
    message = _("This API token is not good for this.")

    def __init__(self, scope: str | None = None) -> None:
        """Name the scope for programs."""
        super().__init__()
        self.scope = scope
        self.extensions = {"scope": scope}


class ReauthenticationRequiredError(DomainError):
    """The person proved who they are too long ago for this, or by too little.

    ``methods`` are those by which they can do so now, ``max_age`` how many seconds that holds.
    """

    code = GenericErrorCode.REAUTHENTICATION_REQUIRED
    message = _("Confirm that it is you, then try again.")

    def __init__(self, methods: Sequence[str], *, max_age: int) -> None:
        """Say what to ask the person for."""
        super().__init__()
        self.methods = methods
        self.extensions = {"methods": [*methods], "maxAge": max_age}


class TooManyAttemptsError(DomainError):
    """A limit on attempts is reached; ``retry_after`` is in whole seconds."""

    code = GenericErrorCode.TOO_MANY_ATTEMPTS
    message = _("Too many attempts. Try again later.")

    def __init__(self, retry_after: int) -> None:
        """Say how long to wait."""
        super().__init__()
        self.retry_after = retry_after
        self.extensions = {"retryAfter": retry_after}


class ServiceBusyError(DomainError):
    """So much expensive work is going on that more of it is refused, not queued."""

    code = GenericErrorCode.SERVICE_BUSY
    message = _("The server is busy. Try again in a moment.")

    def __init__(self, retry_after: int = 2) -> None:
        """Say how many seconds to wait."""
        super().__init__()
        self.retry_after = retry_after
        self.extensions = {"retryAfter": retry_after}


class ArgumentInvalidError(DomainError):
    """An argument of a query has a value outside its documented range."""

    code = GenericErrorCode.ARGUMENT_INVALID
    message = _("An argument has a value outside its range.")


class CursorInvalidError(DomainError):
    """A cursor that this connection, in this order, never gave out."""

    code = GenericErrorCode.CURSOR_INVALID
    message = _("This cursor is not one of this connection's. Start again without it.")
