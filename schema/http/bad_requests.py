"""Errors of requests that contain no executable operation."""

from typing import Any

import orjson

from schema.errors import RequestErrorCode, request_error


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
