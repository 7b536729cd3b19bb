"""Recognition of operations, their middleware, and the headers of their responses."""

import re
from collections.abc import Callable
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Final, cast

from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port, validate_host
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import LANGUAGE_CODE_MAX_LENGTH

from core.cached_settings import settings
from core.web.content_security import HEADER as CONTENT_SECURITY
from core.web.content_security import NOTHING
from core.web.request import ActorRequest, Reply
from engine.deadline import Deadline, DeadlineExceededError

Handler = Callable[[HttpRequest], HttpResponse]
PATH: Final = "/graphql"
# A member of an enumeration is looked up by a method.
NOT_MODIFIED: Final = HTTPStatus.NOT_MODIFIED
# Of the URL of a query; `extensions` has the id of an automatic persisted query.
QUERY_PARAMETERS: Final = frozenset({"query", "documentId", "extensions"})
_QUERY: Final = re.compile(rf"(?:^|&)(?:{'|'.join(sorted(QUERY_PARAMETERS))})=")
# One character more than Django reads, so that it still recognises a value that is too long.
LANGUAGES_LENGTH: Final = LANGUAGE_CODE_MAX_LENGTH + 1
# The length of a host that is cached: that of a domain name (RFC 1035, section 2.3.4) and a port.
HOST_LENGTH: Final = 262
# The length to which `Origin` is cut, because its headers are cached; browsers send no longer one.
ORIGIN_LENGTH: Final = len("https://") + HOST_LENGTH


def is_operation(request: HttpRequest) -> bool:
    """Return whether the request is a GraphQL operation to handle without Django's middleware.

    Other GET requests are for the console and need the middleware, and so do unencrypted requests,
    which it redirects.
    """
    return (
        request.path_info == PATH
        and (request.method == "POST" or _is_query(request))
        and not (settings.SECURE_SSL_REDIRECT and not request.is_secure())
    )


def _is_query(request: HttpRequest) -> bool:
    """Return whether the URL has a query or its id, as clients write it."""
    return request.method == "GET" and bool(_QUERY.search(request.META.get("QUERY_STRING", "")))


@cache
def operation_view() -> Callable[[HttpRequest], Reply]:
    """Return the view named by `settings.OPERATION_VIEW`."""
    return cast("Callable[[HttpRequest], Reply]", import_string(settings.OPERATION_VIEW))


def set_deadline(request: HttpRequest) -> Deadline:
    """Set the request's deadline, `settings.REQUEST_DEADLINE` seconds from now."""
    deadline = Deadline(settings.REQUEST_DEADLINE, settings.STATEMENT_TIMEOUT / 1_000)
    cast("ActorRequest", request).deadline = deadline
    return deadline


def require_allowed_host(request: HttpRequest) -> None:
    """Raise `DisallowedHost` unless the request's host is one of `settings.ALLOWED_HOSTS`."""
    host = request.META.get("HTTP_HOST", "")
    is_known = len(host) <= HOST_LENGTH and not settings.USE_X_FORWARDED_HOST
    if not (is_known and _is_allowed(host, *settings.ALLOWED_HOSTS)):
        request.get_host()


@lru_cache(1_000)
def _is_allowed(host: str, *allowed_hosts: str) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed_hosts)


def activate_language(request: HttpRequest) -> str:
    """Activate the language that the client accepts, and return it."""
    language = _language(
        request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")[:LANGUAGES_LENGTH],
        request.META.get("HTTP_ACCEPT_LANGUAGE", "")[:LANGUAGES_LENGTH],
    )
    translation.activate(language)
    return language


@lru_cache(1_000)
def _language(cookie: str, accepted: str) -> str:
    request = HttpRequest()
    request.COOKIES[settings.LANGUAGE_COOKIE_NAME] = cookie
    request.META["HTTP_ACCEPT_LANGUAGE"] = accepted
    return translation.get_language_from_request(request)


def set_headers(reply: Reply, request: HttpRequest, language: str | None) -> None:
    """Set the headers of every response to an operation."""
    headers = reply.headers
    headers.setdefault(CONTENT_SECURITY, NOTHING)
    headers.setdefault("Vary", "Origin")
    if "HTTP_ORIGIN" in request.META:
        origin = request.META["HTTP_ORIGIN"][:ORIGIN_LENGTH]
        headers.update(_cors_headers(origin, headers["Vary"], *settings.CORS_ALLOWED_ORIGINS))
    if reply.status != NOT_MODIFIED:
        headers["Content-Length"] = str(len(reply.body))
    headers["X-Content-Type-Options"] = "nosniff"
    if language:
        headers.setdefault("Content-Language", language)
    if settings.SECURE_HSTS_SECONDS and request.is_secure():
        headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"


@lru_cache(1_000)
def _cors_headers(origin: str, vary: str, *_allowed_origins: str) -> dict[str, str]:
    """Return the CORS headers of an operation (Fetch), and its `Vary`, by django-cors-headers.

    The library's middleware sets those of other responses; preflights are not operations.
    """
    request = HttpRequest()
    request.path_info = PATH
    request.META["HTTP_ORIGIN"] = origin
    response = HttpResponse(headers={"Vary": vary})
    CorsMiddleware(lambda _request: response)(request)
    return {name: value for name, value in response.items() if name != "Content-Type"}


def timeout_response() -> HttpResponse:
    """Return 503 for a request that exceeded its deadline before its view ran."""
    message = _("This took too long and was stopped. Try again in a moment.")
    error = {"message": message, "extensions": {"code": "QUERY_TIMEOUT"}}
    return JsonResponse({"errors": [error]}, status=503, headers={"Retry-After": "1"})


class ApiMiddleware:
    """Handles operations without the middleware that only pages need.

    Sessions, messages, CSRF tokens, static files, the URL resolver and headers for pages would take
    longer than a cheap operation.
    """

    def __init__(self, get_response: Handler) -> None:
        """Wrap the middleware for pages."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Dispatch the request."""
        if is_operation(request):
            return operation_view()(request).to_response()
        return self.get_response(request)


class DeadlineMiddleware:
    """Enforces `settings.REQUEST_DEADLINE` for pages."""

    def __init__(self, get_response: Handler) -> None:
        """Wrap the rest of the stack."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Respond within the deadline, else with 503."""
        try:
            with set_deadline(request):
                return self.get_response(request)
        except DeadlineExceededError:
            return timeout_response()
