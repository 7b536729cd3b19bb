"""Errors of operations, as classes by their code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class FieldError:
    """A problem of the input; ``field`` is a path, or None."""

    code: str
    field: tuple[str, ...] | None
    message: str


@dataclass(frozen=True)
class ErrorDetails:
    """What a response contains beside its first error."""

    extensions: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[Mapping[str, Any]] = ()
    data: Mapping[str, Any] | None = None
    request_id: str | None = None


class RosterError(Exception):
    """An operation failed; ``code`` is stable, ``message`` is for users.

    ``request_id`` is the response's X-Request-ID, by which operators find a fault in the log.
    ``errors`` are all errors of the response, ``extensions`` those of the first, and ``data`` is
    what the response contains despite them.
    """

    def __init__(self, code: str, message: str, details: ErrorDetails | None = None) -> None:
        """Describe the error."""
        # Exception.__new__ has set `args` to those of the class, by which pickle calls it.
        details = details or ErrorDetails()
        self.code = code
        self.message = message
        self.extensions = details.extensions
        self.errors = details.errors
        self.data = details.data
        self.request_id = details.request_id

    def __str__(self) -> str:
        """Return the text of tracebacks and logs."""
        suffix = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.code}: {self.message}{suffix}"


class UnauthenticatedError(RosterError):
    """No user is signed in, the session has ended, or an access token is invalid."""

    def __init__(self, message: str, details: ErrorDetails | None = None) -> None:
        """Set the code."""
        super().__init__("UNAUTHENTICATED", message, details)


class ReauthenticationRequiredError(RosterError):
    """The operation requires recent authentication by one of ``methods``.

    An authentication counts as recent for ``max_age`` seconds.
    """

    def __init__(self, message: str, details: ErrorDetails | None = None) -> None:
        """Read the extensions."""
        super().__init__("REAUTHENTICATION_REQUIRED", message, details)
        self.methods: tuple[str, ...] = tuple(self.extensions.get("methods", ()))
        self.max_age: int = self.extensions.get("maxAge", 0)


class RateLimitedError(RosterError):
    """Too many requests or attempts; try again after ``retry_after`` seconds."""

    def __init__(
        self, code: str, message: str, retry_after: float, details: ErrorDetails | None = None
    ) -> None:
        """Describe the error."""
        super().__init__(code, message, details)
        self.retry_after = retry_after


class InputError(RosterError):
    """The input was rejected, and nothing was changed; ``code`` is the first problem's."""

    def __init__(self, fields: Sequence[FieldError], details: ErrorDetails | None = None) -> None:
        """Report at least one problem."""
        super().__init__(fields[0].code, fields[0].message, details)
        self.fields = tuple(fields)

    def of(self, field: str) -> list[FieldError]:
        """Return the problems of one field of the input, by its path with dots."""
        return [error for error in self.fields if error.field and ".".join(error.field) == field]


class NetworkError(RosterError):
    """There is no answer of the service; a mutation may have been executed."""

    def __init__(self, message: str, details: ErrorDetails | None = None) -> None:
        """Set the code."""
        super().__init__("NETWORK_ERROR", message, details)


RATE_LIMITS: Final = frozenset({"RATE_LIMITED", "SERVICE_BUSY", "TOO_MANY_ATTEMPTS"})


def error_of(code: str, message: str, details: ErrorDetails, retry_after: float) -> RosterError:
    """Return the error of a code, as its class."""
    if code == "UNAUTHENTICATED":
        return UnauthenticatedError(message, details)
    if code == "REAUTHENTICATION_REQUIRED":
        return ReauthenticationRequiredError(message, details)
    if code in RATE_LIMITS:
        return RateLimitedError(code, message, retry_after, details)
    return RosterError(code, message, details)
