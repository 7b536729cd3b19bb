"""Requests that hold no operation to execute, however they are sent."""

from typing import Any

import orjson

from schema.errors import RequestErrorCode, request_error


class BadRequestError(Exception):
    """A request that holds no operation to execute; it carries its status and error."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: RequestErrorCode = RequestErrorCode.BAD_REQUEST,
    ) -> None:
        """Answer with ``status`` and one error."""
        super().__init__(message)
        self.status = status
        self.error = request_error(code, message)


def body_too_large(limit: int) -> BadRequestError:
    """Return the refusal of a body with more bytes than that."""
    return BadRequestError(
        f"The body may have {limit:,} bytes.", status=413, code=RequestErrorCode.BODY_TOO_LARGE
    )


def from_json(data: bytes, what: str) -> Any:
    """Return what the JSON says. Raises `BadRequestError`."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"{what} is not valid JSON: {error}.") from None
