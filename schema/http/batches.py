"""Batches: a JSON list of operations in one request.

No specification describes them; clients such as Apollo's send them. Each operation is executed,
charged and answered as if it were sent alone, in order; they share the deadline of the request and
the bound on its answer.
"""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import Any

from django.http import HttpRequest

from core.cached_settings import settings
from core.web.request import Reply
from schema.http.bad_requests import BadRequestError, from_json
from schema.http.operation_names import BATCH
from schema.http.parameters import GraphQLRequest, body_of

# Executes what the first argument parses; the others are its number, and the bound on its answer.
Respond = Callable[[Callable[[HttpRequest], GraphQLRequest], int, int], Reply]


def is_batch(request: HttpRequest) -> bool:
    """Return whether the body is a list, where batches are allowed.

    The body of a GET has no meaning (RFC 9110, section 9.3.1).
    """
    if request.method != "POST" or request.content_type != "application/json":
        return False
    try:
        return body_of(request).lstrip()[:1] == b"["
    except BadRequestError:
        return False


def respond_to_batch(request: HttpRequest, respond: Respond) -> Reply:
    """Return the answers of all operations as a list.

    A status that all answers have is that of the batch, else 200.
    """
    try:
        operations = _operations(request)
    except BadRequestError as error:
        return respond(partial(_refuse, error), 0, settings.GRAPHQL_MAX_RESPONSE_BYTES)
    replies: list[Reply] = []
    left = settings.GRAPHQL_MAX_RESPONSE_BYTES
    for number, parameters in enumerate(operations):
        reply = respond(partial(_read, parameters), number, left)
        if reply.status == HTTPStatus.NOT_ACCEPTABLE:
            return reply
        left = max(0, left - len(reply.body))
        replies.append(reply)
    statuses = {reply.status for reply in replies}
    body = b"[" + b",".join(reply.body for reply in replies) + b"]"
    status = statuses.pop() if len(statuses) == 1 else HTTPStatus.OK
    codes = tuple(code for reply in replies for code in reply.codes)
    return Reply(status, body, _headers(replies), _cookies(replies), operation=BATCH, codes=codes)


def _operations(request: HttpRequest) -> list[Any]:
    """Return the parameters of each operation. Raises `BadRequestError`."""
    found = from_json(body_of(request), "The body")
    if not 1 <= len(found) <= settings.BATCH_MAX:
        raise BadRequestError(f"A batch may have 1 to {settings.BATCH_MAX} operations.")
    return list(found)


def _read(parameters: Any, _request: HttpRequest) -> GraphQLRequest:
    return GraphQLRequest.of(parameters)


def _refuse(error: BadRequestError, _request: HttpRequest) -> GraphQLRequest:
    raise error


def _headers(replies: list[Reply]) -> dict[str, str]:
    """Return the headers of all, with the longest wait."""
    headers: dict[str, str] = {}
    for reply in replies:
        headers.update(reply.headers)
    waits = [reply.headers["Retry-After"] for reply in replies if "Retry-After" in reply.headers]
    if waits:
        headers["Retry-After"] = max(waits, key=int)
    return headers


def _cookies(replies: list[Reply]) -> SimpleCookie | None:
    """Return the cookies that the operations set, the later one of a name."""
    cookies = SimpleCookie()
    for reply in replies:
        cookies.update(reply.cookies or {})
    return cookies or None
