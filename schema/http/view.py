"""GraphQL over HTTP (graphql.github.io/graphql-over-http).

Queries use POST or GET, mutations POST only. With `application/graphql-response+json` the status
says whether the request was executed; with `application/json` every well-formed request gets 200.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable
from contextlib import nullcontext
from functools import partial
from http.cookies import SimpleCookie
from time import perf_counter
from typing import Any, cast

from django.core.handlers.exception import response_for_exception
from django.core.handlers.wsgi import get_script_name
from django.http import HttpRequest, HttpResponse
from django.urls import set_script_prefix
from django.views import View
from graphql import GraphQLError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from core.cached_settings import settings
from core.database.outages import is_outage
from core.errors import InsufficientScopeError, InvalidTokenError
from core.server.media_types import CHARSET, GRAPHQL_JSON, JSON, preferred_type
from core.server.memory import trim_memory
from core.telemetry.requests import GRAPHQL, OTHER, RECORD, RequestRecord, observe
from core.web.caching import NO_STORE, Caching
from core.web.operations import (
    QUERY_PARAMETERS,
    activate_language,
    require_allowed_host,
    set_deadline,
    set_headers,
    timeout_response,
)
from core.web.outages import unavailable_response
from core.web.request import ActorRequest, Reply
from engine.deadline import DeadlineExceededError, OperationCancelledError
from engine.meter import METER
from engine.result.bounds import LARGE, MAX_ERRORS, Bounds, ResponseTooLargeError
from engine.sql.leading import run_leading
from engine.trace import Trace
from schema.console.views import console_page
from schema.context import Context
from schema.documents.budget import charge_request, report_cost
from schema.documents.limits import check_variables
from schema.errors import RequestErrorCode, format_error, request_error
from schema.http.answers.repeated import look_up, remember, text_of
from schema.http.bad_requests import BadRequestError, RateLimitedError
from schema.http.batches import is_batch, respond_to_batch
from schema.http.compression import UNCOMPRESSED, may_be_compressed
from schema.http.debug import debug
from schema.http.execution import execute, needs_no_token, was_executed
from schema.http.parameters import GraphQLRequest, from_body, from_query_string
from schema.http.persisted import document_text, store_automatic
from schema.http.replies import (
    bad_request,
    cancelled,
    codes_in,
    insufficient_scope,
    invalid_token,
    is_unavailable,
    json_reply,
    set_retry_after,
)
from users.authentication.sessions.middleware import (
    CLEAR_SITE_DATA,
    AuthenticationError,
    clear_session_cookie,
    respond_authenticated,
    set_device_cookie,
    set_session_cookie,
)

logger = logging.getLogger(__name__)

# What each operation of a request was charged for, by its number.
Charged = defaultdict[int, set[Hashable]]


class GraphQLView(View):
    """The endpoint among the pages: queries by GET, and the console."""

    http_method_names = ["get", "post", "options"]  # noqa: RUF012 - as Django declares it

    def get(self, request: HttpRequest) -> HttpResponse:
        """Execute a query, or show the console to a browser."""
        is_page = QUERY_PARAMETERS.isdisjoint(request.GET)
        if is_page and "text/html" in request.headers.get("Accept", ""):
            return console_page(request)
        return respond(request, from_query_string, defaultdict(set)).to_response()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Execute an operation; `ApiMiddleware` answers most before they arrive here."""
        return operation(request).to_response()


def operation(
    request: HttpRequest,
    respond_authenticated: Callable[
        [HttpRequest, Callable[[], Reply]], Reply
    ] = respond_authenticated,
) -> Reply:
    """Execute an operation, for the fast path and for Django's, and observe it.

    The benchmark measures the cost of authentication by another ``respond_authenticated``.
    """
    totals = METER.totals
    statements, waited = totals.statements, totals.seconds
    started = perf_counter()
    reply = _reply(request, respond_authenticated)
    actor = getattr(request, "actor", None)
    record: RequestRecord = (
        GRAPHQL,
        reply.status,
        perf_counter() - started,
        totals.statements - statements,
        totals.seconds - waited,
        reply.operation or OTHER,
        actor and actor.user_id,
        reply.codes or (codes_in(reply.body) if reply.source is not None else ()),
    )
    request.META[RECORD] = record
    observe(record)
    return reply


def _reply(
    request: HttpRequest,
    respond_authenticated: Callable[[HttpRequest, Callable[[], Reply]], Reply],
) -> Reply:
    language = text = None
    charged: Charged = defaultdict(set)
    try:
        with set_deadline(request):
            text = text_of(request)
            repeated = look_up(text)
            if repeated is None:
                require_allowed_host(request)
            # Also of a time-out, so not only for requests that are parsed.
            language = activate_language(request)
            known = repeated.reply(request, charged[0]) if repeated else None
            if known is not None:
                return known
            read = from_query_string if request.method == "GET" else from_body
            reply = respond_authenticated(request, partial(respond, request, read, charged))
    except AuthenticationError as error:
        reply = Reply.of(error.response)
    except DeadlineExceededError:
        reply = Reply.of(timeout_response())
    except Exception as error:  # noqa: BLE001 - as Django's handler, which logs it
        if is_outage(error):
            logger.warning("database unavailable", extra={"path": request.path})
            reply = Reply.of(unavailable_response(request))
        else:
            # For the URLs of a page: the thread's former request may have had another one.
            set_script_prefix(get_script_name(request.META))
            reply = Reply.of(response_for_exception(request, error))
    set_headers(reply, request, language)
    if text:
        remember(text, request, reply)
    return reply


def respond(
    request: HttpRequest, read: Callable[[HttpRequest], GraphQLRequest], charged: Charged
) -> Reply:
    """Execute the operation that ``read`` parses, or the operations of a batch.

    Nothing that is in ``charged`` is charged again.
    """
    if settings.BATCH_MAX and is_batch(request):
        return respond_to_batch(request, partial(_respond, request, charged))
    return _respond(request, charged, read, 0, settings.GRAPHQL_MAX_RESPONSE_BYTES)


def _respond(
    request: HttpRequest,
    charged: Charged,
    read: Callable[[HttpRequest], GraphQLRequest],
    number: int,
    max_bytes: int,
) -> Reply:
    """Execute the operation of this number in the request, unless it is cross-site."""
    preferred = preferred_type(request.META.get("HTTP_ACCEPT", "*/*"))
    if preferred is None:
        message = f"Accept {GRAPHQL_JSON} or {JSON}.\n".encode()
        return Reply(406, message, {"Content-Type": "text/plain", "Vary": "Accept, Origin"})
    media_type = preferred.removesuffix(CHARSET)
    known = cast("ActorRequest", request)
    context = Context(
        actor=known.actor,
        device_token=request.COOKIES.get(settings.DEVICE_COOKIE),
        caching=Caching.of(request, media_type, settings.CACHE_MAX_STALENESS),
        bounds=Bounds(max_bytes, known.deadline),
        charged=charged[number],
        confirmation=known.confirmation,
    )
    try:
        with context.bounds:
            _refuse_cross_site(request)
            _charge(context)
            result = _execute(known, read, context)
            reply = _answer(media_type, result, context)
    except BadRequestError as error:
        reply = bad_request(media_type, error)
    except InsufficientScopeError as error:
        reply = insufficient_scope(media_type, error)
    except InvalidTokenError as error:
        reply = invalid_token(media_type, error)
    except OperationCancelledError as error:
        reply = cancelled(media_type, error, context)
    except MemoryError:
        reply = cancelled(media_type, ResponseTooLargeError(), context)
    # For the next operation of a batch: this one may have signed in or out.
    known.actor = context.actor
    # None after a mutation, which it does not cover.
    known.confirmation = context.confirmation
    if context.bounds.texts > LARGE:
        trim_memory()
    _set_cookies(reply, request, context)
    reply.operation = context.operation
    reply.codes += context.codes
    reply.headers["Vary"] = "Accept, Accept-Language, Authorization, Cookie, Origin"
    reply.headers.setdefault("Cache-Control", NO_STORE)
    if not may_be_compressed(request, context.document):
        reply.headers.update(UNCOMPRESSED)
    return reply


def _set_cookies(reply: Reply, request: HttpRequest, context: Context) -> None:
    """Set the operation's cookies, and clear a browser's data of an ended session."""
    if context.session_cookie or context.session_ended or context.device_cookie:
        reply.cookies = _cookies(context)
    # Token clients keep their device token in the storage, also after signing out.
    if context.session_ended and settings.SESSION_COOKIE in request.COOKIES:
        reply.headers.update(CLEAR_SITE_DATA)


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


def _read(
    request: ActorRequest, read: Callable[[HttpRequest], GraphQLRequest]
) -> tuple[GraphQLRequest, str]:
    """Return the operation, and the text of its document.

    Raises `InvalidTokenError` if it needs the token that was refused, and `GraphQLError` for a
    document that is unknown or that the actor may not execute.
    """
    token_error = request.token_error
    try:
        found = read(request)
        source = document_text(found.query, found.persisted, request.actor)
    except (BadRequestError, GraphQLError):
        if token_error is None:
            raise
        raise token_error from None
    if token_error is not None and not needs_no_token(source, found.name):
        raise token_error
    return found, source


def _execute(
    request: ActorRequest, read: Callable[[HttpRequest], GraphQLRequest], context: Context
) -> ExecutionResult:
    read_only = request.method == "GET"
    try:
        operation, source = _read(request, read)
        context.reports_cost = operation.reports_cost
        if operation.reports_debug:
            # The trace has no statements of authentication.
            run_leading()
            context.trace = Trace()
        check_variables(operation.variables or {})
        with context.trace.record_statements() if context.trace is not None else nullcontext():
            result = execute(
                source, operation.name, operation.variables, context, read_only=read_only
            )
    except CannotGetOperationTypeError as error:
        reason = error.as_http_error_reason().rstrip(".")
        unknown = request_error(RequestErrorCode.BAD_REQUEST, f"{reason}.")
        return ExecutionResult(data=None, errors=[unknown])
    except GraphQLError as error:
        return ExecutionResult(data=None, errors=[error])
    except InvalidOperationTypeError as error:
        if error.operation_type is OperationType.MUTATION:
            raise BadRequestError("Send mutations by POST.", status=405) from None
        raise BadRequestError("Subscriptions are not supported.") from None
    # As documents are cached: not if an anonymous client gets no data.
    if operation.persisted is not None and operation.query and result.data is not None:
        store_automatic(operation.persisted.key, source)
    return result


def _status(media_type: str, payload: dict[str, Any], context: Context) -> int:
    """Return the status of a payload whose errors are formatted."""
    if is_unavailable(payload) and not context.executed:
        return 503
    return 200 if "data" in payload or media_type == JSON else 400


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
    extensions: dict[str, Any] = {}
    if context.trace is not None:
        extensions["debug"] = debug(context.trace, context.caching)
    if context.reports_cost:
        extensions["cost"] = report_cost(context.actor, context.points)
    if extensions:
        context.caching.hit = None
        payload["extensions"] = extensions
    response = json_reply(media_type, payload, _status(media_type, payload, context))
    # What was counted may be less: escapes in texts, and errors.
    if len(response.body) > context.bounds.max_bytes:
        raise ResponseTooLargeError
    response.headers.update(context.caching.headers)
    if errors:
        set_retry_after(response, payload["errors"])
    response.hit = context.caching.hit
    return response
