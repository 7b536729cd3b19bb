"""The request id, which every log line about a request has, up to the tasks that it caused.

NGINX  →  X-Request-ID  →  log lines of web, X-Request-ID of the response, access log
       →  outbox row    →  header of the Celery message  →  log lines of the worker
"""

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from celery.signals import task_postrun, task_prerun
from django.conf import settings
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import (
    bind_contextvars,
    get_contextvars,
    reset_contextvars,
    unbind_contextvars,
)

HEADER: Final = "X-Request-ID"
KEY: Final = "request_id"
MAX_LENGTH: Final = 64
# What proxies send: 32 digits (NGINX), UUIDs, ULIDs, and random base 64 for URLs. Nothing in it can
# begin a new line or a new field of a log.
WELL_FORMED: Final = re.compile(rf"[0-9A-Za-z_-]{{16,{MAX_LENGTH}}}", re.ASCII)


def new_request_id() -> str:
    """Return 32 random digits, as NGINX's `$request_id`."""
    return secrets.token_hex(16)


def request_id_from(environ: Mapping[str, Any], *, trusted_proxies: int) -> str:
    """Return the id that a trusted proxy gave the request of this WSGI environment, or a new one.

    As for `client_address`, the header is believed if there are proxies in front, of which the last
    one sets it. A client without a proxy could otherwise make its lines look like another's.
    """
    if trusted_proxies:
        received = environ.get("HTTP_X_REQUEST_ID", "")
        if WELL_FORMED.fullmatch(received):
            return str(received)
    return new_request_id()


def bind_request_id(environ: Mapping[str, Any]) -> str:
    """Bind the id of a request to the log lines that follow, and return it."""
    request_id = request_id_from(environ, trusted_proxies=settings.TRUSTED_PROXIES)
    bind_contextvars(**{KEY: request_id})
    return request_id


def unbind_request_id(**_signal: object) -> None:
    """Bind no request's id any more."""
    unbind_contextvars(KEY)


def current_request_id() -> str:
    """Return the id of the request that is being served or that caused the task; "" if none."""
    return str(get_contextvars().get(KEY, ""))


class RequestIdMiddleware:
    """Binds the request id to the log lines of the request, and answers it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap all other middleware."""
        self.get_response = get_response
        request_finished.connect(unbind_request_id, dispatch_uid=__name__)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Bind the id until the response is closed: Django logs refusals after all middleware."""
        request_id = bind_request_id(request.META)
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response


@task_prerun.connect(dispatch_uid=__name__)
def bind_task(*, task: Any, task_id: str, **_signal: object) -> None:
    """Bind the task, and the request that caused it, to the log lines of a worker."""
    context = {"task": task.name, "task_id": task_id}
    request_id = (task.request.headers or {}).get(KEY)
    if request_id:
        context[KEY] = request_id
    task.request.log_context = bind_contextvars(**context)


@task_postrun.connect(dispatch_uid=__name__)
def unbind_task(*, task: Any, **_signal: object) -> None:
    """Restore what was bound before the task."""
    reset_contextvars(**task.request.log_context)
