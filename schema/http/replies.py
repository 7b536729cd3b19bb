"""Replies of the API: payloads as JSON, in the media type that the client prefers."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from graphql import GraphQLError

from core.errors import (
    DomainError,
    GenericErrorCode,
    InsufficientScopeError,
    InvalidTokenError,
)
from core.server.media_types import CHARSET
from core.web.request import Reply
from engine.deadline import OperationCancelledError
from schema.context import Context
from schema.errors import RequestErrorCode, cancellation, format_error
from schema.http.bad_requests import BadRequestError, RateLimitedError
from schema.http.serialization import serialize
from users.authentication.sessions.middleware import INVALID_TOKEN

# Codes of errors that are the service's, so that the request is not at fault: its status is 503.
NO_CAPACITY: Final = frozenset(
    map(str, (RequestErrorCode.UNAVAILABLE, GenericErrorCode.SERVICE_BUSY))
)


def cancelled(media_type: str, error: OperationCancelledError, context: Context) -> Reply:
    """Return the error of a cancelled operation, without data."""
    errors = [cancellation(error, executed=context.executed)]
    return json_reply(media_type, {"errors": errors, "data": None}, 200)


def bad_request(media_type: str, error: BadRequestError) -> Reply:
    """Return the error of a request without an executable operation."""
    response = json_reply(media_type, {"errors": [format_error(error.error)]}, error.status)
    if isinstance(error, RateLimitedError):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def insufficient_scope(media_type: str, error: InsufficientScopeError) -> Reply:
    """Answer as RFC 6750, section 3.1, says, in the form of a GraphQL error."""
    response = _refused(media_type, error, 403)
    scope = f', scope="{error.scope}"' if error.scope else ""
    response.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope"{scope}'
    return response


def invalid_token(media_type: str, error: InvalidTokenError) -> Reply:
    """Answer as RFC 6750, section 3, says, in the form of a GraphQL error."""
    response = _refused(media_type, error, 401)
    response.headers.update(INVALID_TOKEN)
    return response


def _refused(media_type: str, error: DomainError, status: int) -> Reply:
    formatted = format_error(GraphQLError(str(error.text), original_error=error))
    return json_reply(media_type, {"errors": [formatted]}, status)


def json_reply(media_type: str, payload: dict[str, Any], status: int) -> Reply:
    """Return a payload as JSON."""
    headers = {"Content-Type": media_type + CHARSET}
    if status == 405:  # noqa: PLR2004
        headers["Allow"] = "POST"
    codes = ()
    if "errors" in payload:
        codes = tuple(each["extensions"]["code"] for each in payload["errors"])
    return Reply(status, serialize(payload), headers, codes=codes)


def is_unavailable(payload: Mapping[str, Any]) -> bool:
    """Return whether nothing of an operation was executed because there is no capacity for it."""
    errors = payload.get("errors")
    if not errors or any(each["extensions"]["code"] not in NO_CAPACITY for each in errors):
        return False
    return all(value is None for value in (payload.get("data") or {}).values())


def set_retry_after(reply: Reply, errors: Iterable[Mapping[str, Any]]) -> None:
    """Set `Retry-After` to the longest wait of formatted errors, if any has one."""
    seconds = max(each["extensions"].get("retryAfter", 0) for each in errors)
    if seconds:
        reply.headers["Retry-After"] = str(seconds)


def codes_in(body: bytes) -> tuple[str, ...]:
    """Return the codes of the errors in a response that did not come from here."""
    try:
        errors = orjson.loads(body)["errors"]
        return tuple(str(each["extensions"]["code"]) for each in errors)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        # A page, such as that for a host that is not allowed.
        return ()
