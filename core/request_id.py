"""The request id in all log lines of a request and its tasks.

NGINX  →  X-Request-ID  →  log lines of web, X-Request-ID of the response, access log
       →  outbox row    →  header of the Celery message  →  log lines of the worker
"""

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import (
    bind_contextvars,
    get_contextvars,
    unbind_contextvars,
)

from core.cached_settings import settings

HEADER: Final = "X-Request-ID"
KEY: Final = "request_id"
# The variable of WSGI's environment with an id that was chosen before, for the request's trace.
ENVIRON: Final = "roster.request_id"
MAX_LENGTH: Final = 64
# What proxies send: 32 hexadecimal digits (NGINX), UUIDs, ULIDs and URL-safe base 64. No character
# can start a new line or field of a log (log injection).
WELL_FORMED: Final = re.compile(rf"[0-9A-Za-z_-]{{16,{MAX_LENGTH}}}", re.ASCII)


def new_request_id() -> str:
    """Return 32 random hexadecimal digits, like NGINX's `$request_id`."""
    return secrets.token_hex(16)


def request_id_from(environ: Mapping[str, Any], *, trusted_proxies: int) -> str:
    """Return the request id that a trusted proxy has set, or a new one.

    The header is trusted only if there are ``trusted_proxies``, of which the last one sets it.
    Otherwise a client could forge the id of another request.
    """
    chosen = environ.get(ENVIRON)
    if chosen is not None:
        return str(chosen)
    if trusted_proxies:
        received = environ.get("HTTP_X_REQUEST_ID", "")
        if WELL_FORMED.fullmatch(received):
            return str(received)
    return new_request_id()


def bind_request_id(environ: Mapping[str, Any]) -> str:
    """Bind the request's id to the logging context, and return it."""
    request_id = request_id_from(environ, trusted_proxies=settings.TRUSTED_PROXIES)
    bind_contextvars(**{KEY: request_id})
    return request_id


def unbind_request_id(**_signal: object) -> None:
    """Remove the request id from the logging context."""
    unbind_contextvars(KEY)


def current_request_id() -> str:
    """Return the id of the request, or of the task's request; else ""."""
    return str(get_contextvars().get(KEY, ""))


class RequestIdMiddleware:
    """Binds the request id to the log lines, and returns it in a header."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap all other middleware."""
        self.get_response = get_response
        request_finished.connect(unbind_request_id, dispatch_uid=__name__)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Bind the id until the response closes: Django logs errors after all middleware."""
        request_id = bind_request_id(request.META)
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response
