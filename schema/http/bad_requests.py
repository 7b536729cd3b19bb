"""Errors of requests that contain no executable operation."""

from typing import Any

import orjson

from schema.errors import RATE_LIMITED, RequestErrorCode, request_error


class BadRequestError(Exception):
    """The request is rejected with an HTTP status and one GraphQL error."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: RequestErrorCode = RequestErrorCode.BAD_REQUEST,
    ) -> None:
        """Set the response's status and its error."""
        super().__init__(message)
        self.status = status
        self.error = request_error(code, message)


class RateLimitedError(BadRequestError):
    """The client has exhausted its budget; ``retry_after`` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        """Set status 429 and `Retry-After` (RFC 6585, section 4)."""
        super().__init__(str(RATE_LIMITED), status=429, code=RequestErrorCode.RATE_LIMITED)
        self.retry_after = retry_after
        self.error.extensions = {"code": RequestErrorCode.RATE_LIMITED, "retryAfter": retry_after}


def body_too_large(limit: int) -> BadRequestError:
    """Return the error of a body with more than ``limit`` bytes (413)."""
    return BadRequestError(
        f"The body may have at most {limit:,} bytes.",
        status=413,
        code=RequestErrorCode.BODY_TOO_LARGE,
    )


def from_json(data: bytes, what: str) -> Any:
    """Parse JSON. Raises `BadRequestError` that names ``what`` was parsed."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"{what} is not valid JSON: {error}.") from None
