"""Replies of the API: payloads as JSON, in the media type that the client prefers."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from django.http import HttpRequest
from graphql import GraphQLError

from core.errors import DomainError, InsufficientScopeError, InvalidTokenError
from core.web.request import Reply
from engine.deadline import OperationCancelledError
from schema.context import Context
from schema.errors import cancellation, format_error
from schema.http.bad_requests import BadRequestError, RateLimitedError
from schema.http.parameters import JSON
from schema.http.serialization import serialize
from users.authentication.sessions.middleware import INVALID_TOKEN

GRAPHQL_JSON: Final = "application/graphql-response+json"
CHARSET: Final = "; charset=utf-8"


@lru_cache
def preferred_type(accept: str) -> str | None:
    """Return the media type for an `Accept` header; None if none is acceptable."""
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = accept
    return request.get_preferred_type([JSON + CHARSET, GRAPHQL_JSON + CHARSET])


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
    return Reply(status, serialize(payload), headers)


def set_retry_after(reply: Reply, errors: Iterable[Mapping[str, Any]]) -> None:
    """Set `Retry-After` to the longest wait of formatted errors, if any has one."""
    seconds = max(each["extensions"].get("retryAfter", 0) for each in errors)
    if seconds:
        reply.headers["Retry-After"] = str(seconds)
