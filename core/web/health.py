"""Endpoints for liveness, readiness and metrics."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse

from core.server.metrics import CONTENT_TYPE, exposition


class HealthMiddleware:
    """Serves /livez, /readyz and /metrics for any Host header, as probes use the pod's address.

    /livez responds if the process does. /readyz responds 200 if the pod should receive traffic:
    PostgreSQL responds, and the file `settings.DRAIN_FILE` does not exist. Redis is not checked,
    because requests are served without it. /metrics is for Prometheus, which scrapes each pod
    directly; requests from a proxy come from outside and do not get metrics.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap the rest of the stack."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Respond to a probe or a scrape, or pass the request on."""
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
