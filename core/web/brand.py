"""The service's name, logo and colour on its pages."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import Library
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from core.colors import shades

register = Library()


def logo_url() -> str:
    """Return the URL of the service's logo, by default Roster's."""
    return settings.SERVICE_LOGO_URL or static("core/icon.svg")


@register.simple_tag
def service() -> dict[str, Any]:
    """Return what templates show of the service. It works without a request, as in mails.

    ``logo`` is for pages, ``mail_logo`` for mails, which show none by default.
    """
    return {
        "name": settings.SERVICE_NAME,
        "color": settings.SERVICE_COLOR,
        "color_digits": settings.SERVICE_COLOR.removeprefix("#"),
        # Called by pages only: a worker may have no static files, and sends mails without them.
        "logo": logo_url,
        "mail_logo": settings.SERVICE_LOGO_URL,
        "url": settings.AFTER_LINK_URL,
    }


@require_safe
@cache_control(public=True, max_age=86_400)
def stylesheet(_request: HttpRequest, color: str) -> HttpResponse:  # noqa: ARG001 - for caches
    """Return the service's colour as CSS; the policy of pages forbids inline styles."""
    colors = shades(settings.SERVICE_COLOR)
    accent = f"light-dark({colors['600']}, {colors['400']})"
    return HttpResponse(f":root {{ --accent: {accent}; }}\n", content_type="text/css")
