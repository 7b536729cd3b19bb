"""The fast path for operations, from WSGI to the API without Django's handler."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final

from django.core.handlers.wsgi import WSGIRequest
from django.utils.log import log_response

from core.request_id import HEADER as REQUEST_ID
from core.request_id import bind_request_id, unbind_request_id
from core.web.operations import PATH, is_operation, operation_view
from core.web.request import OperationRequest, Reply
from engine.internals.django import thread_connection

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
WSGIApplication = Callable[[Environ, Any], Iterable[bytes]]

BAD_REQUEST: Final = HTTPStatus.BAD_REQUEST
STATUS_LINES: Final = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus}


class FastPath:
    """A WSGI application that handles operations and delegates other requests to Django.

    Both paths call `settings.OPERATION_VIEW` for operations. Of the work of Django's handler, an
    operation needs only the following: it closes old or broken database connections before and
    after, so that the first statement checks the connection; it binds the request id, closes
    uploaded files, and logs errors. The signals `request_started` and `request_finished` are not
    sent: of their receivers, only the one that closes connections has an effect on operations.
    """

    def __init__(self, django: WSGIApplication) -> None:
        """Wrap Django's handler."""
        self.django = django

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a request (PEP 3333)."""
        if environ["PATH_INFO"] != PATH or environ.get("SCRIPT_NAME"):
            return self.django(environ, start_response)
        request = OperationRequest(environ)
        if not is_operation(request):
            return self.django(environ, start_response)
        close_old_connections()
        try:
            reply = answer(request)
        finally:
            close_old_connections()
        headers = list(reply.headers.items())
        if reply.cookies:
            headers += [("Set-Cookie", each.output(header="")) for each in reply.cookies.values()]
        start_response(STATUS_LINES[reply.status], headers)
        return [reply.body]


def close_old_connections() -> None:
    """Close the thread's connection if it is broken or too old."""
    thread_connection().close_if_unusable_or_obsolete()


def answer(request: WSGIRequest) -> Reply:
    """Execute an operation with its request id bound; log errors as Django's handler does."""
    request_id = bind_request_id(request.META)
    try:
        reply = operation_view()(request)
        reply.headers[REQUEST_ID] = request_id
        request.close()
        if reply.status >= BAD_REQUEST:
            response = reply.to_response()
            reason = response.reason_phrase
            log_response("%s: %s", reason, request.path, response=response, request=request)
        return reply
    finally:
        unbind_request_id()
