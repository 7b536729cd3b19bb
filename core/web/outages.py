"""Responses while PostgreSQL is unreachable or refuses to serve."""

import sys
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from core.database.outages import is_outage
from core.server.media_types import JSON, preferred_type
from core.server.probes import RETRY_SECONDS
from core.web import pages

UNAVAILABLE: Final = "UNAVAILABLE"


def unavailable_error() -> dict[str, Any]:
    """Return the GraphQL error of an outage."""
    return {
        "message": _("The service is temporarily unavailable. Try again in a moment."),
        "extensions": {"code": UNAVAILABLE, "retryAfter": RETRY_SECONDS},
    }


def unavailable_response(request: HttpRequest) -> HttpResponse:
    """Return 503, in the media type that the client accepts, or else in JSON."""
    return JsonResponse(
        {"errors": [unavailable_error()]},
        status=503,
        headers={"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"},
        content_type=preferred_type(request.META.get("HTTP_ACCEPT", "*/*")) or JSON,
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request whose exception nothing has handled (`handler500`): 503 in an outage."""
    if is_outage(sys.exception()):
        return unavailable_response(request)
    return pages.server_error(request)
