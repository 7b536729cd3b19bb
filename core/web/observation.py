"""Observation of requests that are no operations."""

from collections.abc import Callable
from time import perf_counter
from typing import Final

from django.http import HttpRequest, HttpResponse

from core.telemetry.requests import RECORD, RequestRecord, observe
from engine.meter import METER

# By the beginning of their path; others are pages.
KINDS: Final = {
    "/admin/": "admin",
    "/livez": "probe",
    "/media/": "media",
    "/metrics": "probe",
    "/readyz": "probe",
    "/static/": "static",
}
PAGE: Final = "page"


class PageMiddleware:
    """Leaves a record of each request for metrics and the access log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap the middleware for pages."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Respond, and observe; a body that is streamed afterwards does not count."""
        totals = METER.totals
        statements, waited = totals.statements, totals.seconds
        started = perf_counter()
        response = self.get_response(request)
        actor = getattr(request, "actor", None)
        record: RequestRecord = (
            next((KINDS[each] for each in KINDS if request.path.startswith(each)), PAGE),
            response.status_code,
            perf_counter() - started,
            totals.statements - statements,
            totals.seconds - waited,
            None,
            actor and actor.user_id,
            (),
        )
        request.META[RECORD] = record
        observe(record)
        return response
