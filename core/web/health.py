"""Endpoints for liveness, readiness and metrics."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.server.metrics import CONTENT_TYPE, exposition
from core.server.probes import LIVEZ, READYZ
from core.server.readiness import readiness_problem


class HealthMiddleware:
    """Serves /livez, /readyz and /metrics for any Host header, as probes use the pod's address.

    Our own worker answers the probes itself (`core.server.worker`); other servers get them here.
    /livez responds if the process does. /readyz responds 200 if the pod should receive traffic:
    PostgreSQL responds, and the file `settings.DRAIN_FILE` does not exist. /metrics is for
    Prometheus, which scrapes each pod directly; requests from a proxy come from outside and do not
    get metrics.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap the rest of the stack."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Respond to a probe or a scrape, or pass the request on."""
        if request.path == LIVEZ:
            return HttpResponse("ok\n", content_type="text/plain")
        if request.path == READYZ:
            problem = readiness_problem()
            return HttpResponse(
                f"{problem or 'ok'}\n",
                status=503 if problem else 200,
                content_type="text/plain",
            )
        if request.path == "/metrics" and "HTTP_X_FORWARDED_FOR" not in request.META:
            return HttpResponse(exposition(), content_type=CONTENT_TYPE)
        return self.get_response(request)
