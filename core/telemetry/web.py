"""Traces of requests, around the WSGI application."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.conf import settings
from opentelemetry.trace import Span, Status, StatusCode

from core.request_id import ENVIRON, request_id_from
from core.spans import spans
from core.telemetry.requests import RECORD, RequestRecord

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

# They are sent every few seconds, and take no time.
UNTRACED: Final = frozenset({"/livez", "/readyz", "/metrics"})
SERVER_ERROR: Final = 500


class TracedApplication:
    """Traces requests, without what clients sent: neither headers, nor paths, nor bodies."""

    def __init__(self, application: Application) -> None:
        """Wrap the application."""
        self.application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Respond to a request (PEP 3333)."""
        tracer = spans.tracer
        if tracer is None or environ["PATH_INFO"] in UNTRACED:
            return self.application(environ, start_response)
        request_id = request_id_from(environ, trusted_proxies=settings.TRUSTED_PROXIES)
        environ[ENVIRON] = request_id
        caller = environ.get("HTTP_TRACEPARENT") if settings.TRUSTED_PROXIES else None
        with tracer.request(request_id, caller) as span:
            result = self.application(environ, start_response)
            _describe(span, request_id, environ["REQUEST_METHOD"], environ.get(RECORD))
        return result


def _describe(span: Span, request_id: str, method: str, record: RequestRecord | None) -> None:
    span.set_attributes({"http.request.method": method, "request.id": request_id})
    if record is None:
        return
    kind, status, _seconds, statements, _waited, operation, user_id, codes = record
    span.update_name(f"{kind} {operation}" if operation else f"{method} {kind}")
    span.set_attributes(
        {"http.response.status_code": status, "db.statements": statements, "errors": codes}
    )
    if operation:
        span.set_attribute("graphql.operation.name", operation)
    if user_id:
        span.set_attribute("user.id", str(user_id))
    if status >= SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))
