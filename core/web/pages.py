"""Pages of the service itself: errors, and what follows a mailed link."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from core.request_id import current_request_id


@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """Say what to do after a mailed link, unless `AFTER_LINK_URL` names another page."""
    return render(request, "done.html")


def server_error(_request: HttpRequest) -> HttpResponse:
    """Respond with 500 and the request id, which finds the log lines."""
    content = render_to_string("500.html", {"request_id": current_request_id()})
    return HttpResponse(content, status=500)
