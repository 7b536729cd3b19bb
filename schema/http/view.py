"""GraphQL over HTTP (graphql.github.io/graphql-over-http).

Queries use POST or GET, mutations POST only. With `application/graphql-response+json` the status
says whether the request was executed; with `application/json` every well-formed request gets 200.
"""

from collections.abc import Callable, Hashable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from http.cookies import SimpleCookie
from typing import Any, cast

from django.core.exceptions import RequestDataTooBig
from django.core.handlers.exception import response_for_exception
from django.http import HttpRequest, HttpResponse
from django.views import View
from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult

from core.cached_settings import settings
from core.errors import DomainError, InsufficientScopeError, InvalidTokenError
from core.server.memory import trim_memory
from core.web.caching import NO_STORE, Caching
from core.web.operations import (
    activate_language,
    require_allowed_host,
    set_deadline,
    set_headers,
    timeout_response,
)
from core.web.request import ActorRequest, Reply
from engine.deadline import DeadlineExceededError, OperationCancelledError
from engine.result.bounds import LARGE, MAX_ERRORS, Bounds, ResponseTooLargeError
from engine.sql.leading import run_leading
from engine.trace import Trace
from schema.console.views import console_page
from schema.context import Context
from schema.documents.budget import charge_request
from schema.documents.limits import check_variables
from schema.errors import RequestErrorCode, cancellation, format_error, request_error
from schema.http.answers.repeated import look_up, remember, text_of
from schema.http.bad_requests import BadRequestError, RateLimitedError, body_too_large, from_json
from schema.http.compression import UNCOMPRESSED, may_be_compressed
from schema.http.debug import debug
from schema.http.execution import execute, needs_no_token, was_executed
from schema.http.multipart import MULTIPART, multipart_parameters
from schema.http.serialization import serialize
from users.authentication.sessions.middleware import (
    INVALID_TOKEN,
    AuthenticationError,
    clear_session_cookie,
    respond_authenticated,
    set_device_cookie,
    set_session_cookie,
)

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
CHARSET = "; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQLRequest:
    """The parameters of a GraphQL-over-HTTP request."""

    query: str
    variables: dict[str, Any] | None
    name: str | None

    @classmethod
    def of(cls, parameters: Any) -> "GraphQLRequest":
        """Check the parameters of the specification. Raises `BadRequestError`."""
        if not isinstance(parameters, dict):
            raise BadRequestError("The body must be a JSON object.")
        query = parameters.get("query")
        variables = parameters.get("variables")
        name = parameters.get("operationName")
        if not isinstance(query, str) or not query:
            raise BadRequestError("The parameter `query` must be a GraphQL document.")
        if not isinstance(variables, dict | None):
            raise BadRequestError("The parameter `variables` must be an object.")
        if not isinstance(name, str | None):
            raise BadRequestError("The parameter `operationName` must be a string.")
        if not isinstance(parameters.get("extensions"), dict | None):
            raise BadRequestError("The parameter `extensions` must be an object.")
        return cls(query=query, variables=variables, name=name or None)


class GraphQLView(View):
    """The endpoint among the pages: queries by GET, and the console."""

    http_method_names = ["get", "post", "options"]  # noqa: RUF012 - as Django declares it

    def get(self, request: HttpRequest) -> HttpResponse:
        """Execute a query, or show the console to a browser."""
        if "query" not in request.GET and "text/html" in request.headers.get("Accept", ""):
            return console_page(request)
        return respond(request, _from_query_string, set()).to_response()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Execute an operation; `ApiMiddleware` answers most before they arrive here."""
        return operation(request).to_response()


def operation(
    request: HttpRequest,
    respond_authenticated: Callable[
        [HttpRequest, Callable[[], Reply]], Reply
    ] = respond_authenticated,
) -> Reply:
    """Execute an operation, for the fast path and for Django's.

    The benchmark measures the cost of authentication by another ``respond_authenticated``.
    """
    language = text = None
    charged: set[Hashable] = set()
    try:
        with set_deadline(request):
            text = text_of(request)
            repeated = look_up(text)
            if repeated is None:
                require_allowed_host(request)
            # Also of a time-out, so not only for requests that are parsed.
            language = activate_language(request)
            known = repeated.reply(request, charged) if repeated else None
            if known is not None:
                return known
            read = _from_query_string if request.method == "GET" else _from_body
            reply = respond_authenticated(request, partial(respond, request, read, charged))
    except AuthenticationError as error:
        reply = Reply.of(error.response)
    except DeadlineExceededError:
        reply = Reply.of(timeout_response())
    except Exception as error:  # noqa: BLE001 - as Django's handler, which logs it
        reply = Reply.of(response_for_exception(request, error))
    set_headers(reply, request, language)
    if text:
        remember(text, request, reply)
    return reply


def respond(
    request: HttpRequest, read: Callable[[HttpRequest], GraphQLRequest], charged: set[Hashable]
) -> Reply:
    """Execute the request that ``read`` parses, unless it is cross-site.

    Nothing that is in ``charged`` is charged again.
    """
    preferred = _preferred_type(request.META.get("HTTP_ACCEPT", "*/*"))
    if preferred is None:
        message = f"Accept {GRAPHQL_JSON} or {JSON}.\n".encode()
        return Reply(406, message, {"Content-Type": "text/plain", "Vary": "Accept, Origin"})
    media_type = preferred.removesuffix(CHARSET)
    known = cast("ActorRequest", request)
    context = Context(
        actor=known.actor,
        device_token=request.COOKIES.get(settings.DEVICE_COOKIE),
        caching=Caching.of(request, media_type, settings.CACHE_MAX_STALENESS),
        trace=Trace() if settings.GRAPHQL_DEBUG else None,
        bounds=Bounds(settings.GRAPHQL_MAX_RESPONSE_BYTES, known.deadline),
        charged=charged,
    )
    try:
        with context.bounds:
            _refuse_cross_site(request)
            _charge(context)
            result = _execute(_read(known, read), context, read_only=request.method == "GET")
            reply = _answer(media_type, result, context)
    except BadRequestError as error:
        reply = _bad_request(media_type, error)
    except InsufficientScopeError as error:
        reply = _insufficient_scope(media_type, error)
    except InvalidTokenError as error:
        reply = _invalid_token(media_type, error)
    except OperationCancelledError as error:
        reply = _cancelled(media_type, error, context)
    except MemoryError:
        reply = _cancelled(media_type, ResponseTooLargeError(), context)
    if context.bounds.texts > LARGE:
        trim_memory()
    if context.session_cookie or context.session_ended or context.device_cookie:
        reply.cookies = _cookies(context)
    reply.headers["Vary"] = "Accept, Accept-Language, Authorization, Cookie, Origin"
    reply.headers.setdefault("Cache-Control", NO_STORE)
    if not may_be_compressed(request, context.document):
        reply.headers.update(UNCOMPRESSED)
    return reply


def _cookies(context: Context) -> SimpleCookie:
    """Return the cookies that the operation sets."""
    response = HttpResponse()
    if context.session_cookie:
        set_session_cookie(response, context.session_cookie)
    elif context.session_ended:
        clear_session_cookie(response)
    if context.device_cookie:
        set_device_cookie(response, context.device_cookie)
    return response.cookies


def _from_query_string(request: HttpRequest) -> GraphQLRequest:
    parameters: dict[str, Any] = dict(request.GET.items())
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = from_json(parameters[name].encode(), f"The parameter `{name}`")
        else:
            parameters.pop(name, None)
    return GraphQLRequest.of(parameters)


def _from_body(request: HttpRequest) -> GraphQLRequest:
    if request.content_type not in {JSON, MULTIPART}:
        raise BadRequestError(f"Send the body as {JSON}, or with files as {MULTIPART}.", status=415)
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise BadRequestError("Encode the body as UTF-8.", status=415)
    if request.content_type == MULTIPART:
        # Django reads a form once.
        run_leading()
        return GraphQLRequest.of(multipart_parameters(request))
    try:
        body = request.body
    except RequestDataTooBig:
        raise body_too_large(settings.GRAPHQL_MAX_BODY_BYTES) from None
    return GraphQLRequest.of(from_json(body, "The body"))


@lru_cache
def _preferred_type(accept: str) -> str | None:
    """Return the media type for an `Accept` header; None if none is acceptable."""
    request = HttpRequest()
    request.META["HTTP_ACCEPT"] = accept
    return request.get_preferred_type([JSON + CHARSET, GRAPHQL_JSON + CHARSET])


def _charge(context: Context) -> None:
    """Charge the point of every request. Raises `RateLimitedError`."""
    seconds = charge_request(context.actor, context.charged)
    if seconds:
        raise RateLimitedError(seconds)


def _refuse_cross_site(request: HttpRequest) -> None:
    """Refuse requests with the session cookie from pages of origins that are not allowed."""
    origin = request.META.get("HTTP_ORIGIN")
    if not origin or settings.SESSION_COOKIE not in request.COOKIES:
        return
    own = (f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS)
    if origin not in own and origin not in settings.CORS_ALLOWED_ORIGINS:
        raise BadRequestError(
            "Requests with a session cookie must come from this site or an allowed origin.",
            status=403,
            code=RequestErrorCode.CROSS_SITE_REQUEST,
        )


def _read(request: ActorRequest, read: Callable[[HttpRequest], GraphQLRequest]) -> GraphQLRequest:
    """Read the operation. Raises `InvalidTokenError` if it needs the token that was refused."""
    token_error = request.token_error
    if token_error is None:
        return read(request)
    try:
        found = read(request)
    except BadRequestError:
        raise token_error from None
    if not needs_no_token(found.query, found.name):
        raise token_error
    return found


def _execute(operation: GraphQLRequest, context: Context, *, read_only: bool) -> ExecutionResult:
    if context.trace is not None:
        # The trace has no statements of authentication.
        run_leading()
    try:
        check_variables(operation.variables or {})
        with context.trace.record_statements() if context.trace is not None else nullcontext():
            return execute(
                operation.query, operation.name, operation.variables, context, read_only=read_only
            )
    except CannotGetOperationTypeError as error:
        reason = error.as_http_error_reason().rstrip(".")
        unknown = request_error(RequestErrorCode.BAD_REQUEST, f"{reason}.")
        return ExecutionResult(data=None, errors=[unknown])
    except GraphQLError as error:
        return ExecutionResult(data=None, errors=[error])
    except InvalidOperationTypeError as error:
        status = 405 if read_only else 400
        method = "GET" if read_only else "POST"
        raise BadRequestError(f"{error.as_http_error_reason(method)}.", status=status) from None


def _answer(media_type: str, result: ExecutionResult, context: Context) -> Reply:
    """Answer. Raises `ResponseTooLargeError`."""
    if context.caching.is_unchanged:
        return Reply(304, b"", context.caching.headers, hit=context.caching.hit)
    payload: dict[str, Any] = {}
    errors: list[GraphQLError] = (result.errors or [])[:MAX_ERRORS]
    if len(errors) == MAX_ERRORS and not context.executed:
        raise ResponseTooLargeError
    if errors:
        payload["errors"] = [format_error(error) for error in errors]
    understood = was_executed(result)
    if understood:
        payload["data"] = result.data
    if context.trace is not None:
        context.caching.hit = None
        payload["extensions"] = {"debug": debug(context.trace, context.caching)}
    status = 200 if understood or media_type == JSON else 400
    response = _response(media_type, payload, status)
    # What was counted may be less: escapes in texts, and errors.
    if len(response.body) > context.bounds.max_bytes:
        raise ResponseTooLargeError
    response.headers.update(context.caching.headers)
    response.hit = context.caching.hit
    return response


def _cancelled(media_type: str, error: OperationCancelledError, context: Context) -> Reply:
    """Return the error of a cancelled operation, without data."""
    errors = [cancellation(error, executed=context.executed)]
    return _response(media_type, {"errors": errors, "data": None}, 200)


def _bad_request(media_type: str, error: BadRequestError) -> Reply:
    response = _response(media_type, {"errors": [format_error(error.error)]}, error.status)
    if isinstance(error, RateLimitedError):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _insufficient_scope(media_type: str, error: InsufficientScopeError) -> Reply:
    """Answer as RFC 6750, section 3.1, says, in the form of a GraphQL error."""
    response = _refused(media_type, error, 403)
    scope = f', scope="{error.scope}"' if error.scope else ""
    response.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope"{scope}'
    return response


def _invalid_token(media_type: str, error: InvalidTokenError) -> Reply:
    response = _refused(media_type, error, 401)
    response.headers.update(INVALID_TOKEN)
    return response


def _refused(media_type: str, error: DomainError, status: int) -> Reply:
    formatted = format_error(GraphQLError(str(error.text), original_error=error))
    return _response(media_type, {"errors": [formatted]}, status)


def _response(media_type: str, payload: dict[str, Any], status: int) -> Reply:
    headers = {"Content-Type": media_type + CHARSET}
    if status == 405:  # noqa: PLR2004
        headers["Allow"] = "POST"
    return Reply(status, serialize(payload), headers)
