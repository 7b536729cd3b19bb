"""Liveness, readiness and metrics, answered before any other middleware."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse

from core.server.metrics import CONTENT_TYPE, exposition


class HealthMiddleware:
    """Serve /livez, /readyz and /metrics to whoever comes by the pod's address, no known host.

    /livez says that the process answers. /readyz says that it should get traffic: PostgreSQL
    answers and nobody asked it to drain (the file `settings.DRAIN_FILE` is absent). Redis is
    not asked, because requests are served without it. /metrics is for Prometheus, which asks each
    pod by itself: what a proxy passes on comes from outside, and finds nothing there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap the rest of the stack."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe or Prometheus, or pass the request on."""
        if request.path == "/livez":
            return HttpResponse("ok\n", content_type="text/plain")
        if request.path == "/readyz":
            problem = self._not_ready()
            return HttpResponse(
                f"{problem or 'ok'}\n",
                status=503 if problem else 200,
                content_type="text/plain",
            )
        if request.path == "/metrics" and "HTTP_X_FORWARDED_FOR" not in request.META:
            return HttpResponse(exposition(), content_type=CONTENT_TYPE)
        return self.get_response(request)

    @staticmethod
    def _not_ready() -> str | None:
        if settings.DRAIN_FILE and Path(settings.DRAIN_FILE).exists():
            return "draining"
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except Error:
            return "database unreachable"
        return None
