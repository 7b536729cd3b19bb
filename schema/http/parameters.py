"""The parameters of GraphQL-over-HTTP requests, from the URL or the body."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from core.cached_settings import settings
from core.server.media_types import JSON
from engine.sql.leading import run_leading
from schema.http.bad_requests import BadRequestError, body_too_large, from_json
from schema.http.multipart import MULTIPART, multipart_parameters
from schema.http.persisted import PersistedId


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQLRequest:
    """The parameters of a GraphQL-over-HTTP request."""

    # Empty if the request has only the id of its document.
    query: str
    persisted: PersistedId | None
    variables: dict[str, Any] | None
    name: str | None
    # Whether the response states the cost (`extensions: {"cost": true}`).
    reports_cost: bool = False
    # Whether it explains the execution (`extensions: {"debug": true}`), in the demo only.
    reports_debug: bool = False

    @classmethod
    def of(cls, parameters: Any) -> "GraphQLRequest":
        """Check the parameters of the specification. Raises `BadRequestError`."""
        if isinstance(parameters, list) and not settings.BATCH_MAX:
            raise BadRequestError("Batches are not allowed here: send each operation by itself.")
        if not isinstance(parameters, dict):
            raise BadRequestError("The body must be a JSON object.")
        query = parameters.get("query")
        variables = parameters.get("variables")
        name = parameters.get("operationName")
        if not isinstance(variables, dict | None):
            raise BadRequestError("The parameter `variables` must be an object.")
        if not isinstance(name, str | None):
            raise BadRequestError("The parameter `operationName` must be a string.")
        extensions = parameters.get("extensions")
        if not isinstance(extensions, dict | None):
            raise BadRequestError("The parameter `extensions` must be an object.")
        asked = extensions or {}
        persisted = PersistedId.of(parameters)
        if persisted is not None and query is None:
            query = ""
        elif not isinstance(query, str) or not query:
            raise BadRequestError(
                "The parameter `query` must be a GraphQL document; or send `documentId` instead."
            )
        return cls(
            query=query,
            persisted=persisted,
            variables=variables,
            name=name or None,
            reports_cost=asked.get("cost") is True,
            reports_debug=asked.get("debug") is True and settings.GRAPHQL_DEBUG,
        )


def from_query_string(request: HttpRequest) -> GraphQLRequest:
    """Read a query from the URL. Raises `BadRequestError`."""
    parameters: dict[str, Any] = dict(request.GET.items())
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = from_json(parameters[name].encode(), f"The parameter `{name}`")
        else:
            parameters.pop(name, None)
    return GraphQLRequest.of(parameters)


def from_body(request: HttpRequest) -> GraphQLRequest:
    """Read an operation from the body. Raises `BadRequestError`."""
    if request.content_type not in {JSON, MULTIPART}:
        raise BadRequestError(f"Send the body as {JSON}, or with files as {MULTIPART}.", status=415)
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise BadRequestError("Encode the body as UTF-8.", status=415)
    if request.content_type == MULTIPART:
        # Django reads a form once.
        run_leading()
        return GraphQLRequest.of(multipart_parameters(request))
    return GraphQLRequest.of(from_json(body_of(request), "The body"))


def body_of(request: HttpRequest) -> bytes:
    """Return the body. Raises `BadRequestError` if it is too large."""
    try:
        return request.body
    except RequestDataTooBig:
        raise body_too_large(settings.GRAPHQL_MAX_BODY_BYTES) from None
