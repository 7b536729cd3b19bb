"""Content security policies (Content Security Policy Level 3).

Every response has a policy. A view whose page needs more than `page_policy` sets the header to
another policy of this module. Nonces are not needed, because no page has inline scripts.
"""

from collections.abc import Callable
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse

HEADER: Final = "Content-Security-Policy"


def policy(**directives: str) -> str:
    """Return a policy that allows only these directives."""
    nothing = {"default_src": "'none'", "base_uri": "'none'"}
    nothing |= {"form_action": "'none'", "frame_ancestors": "'none'"}
    allowed = nothing | directives
    return "; ".join(f"{name.replace('_', '-')} {value}" for name, value in allowed.items())


# For responses that are not pages, in case a browser renders one as HTML.
NOTHING: Final = policy()
# Mails have inline styles. They are shown in a frame that inherits this policy: no scripts, and no
# external images, which could track the reading of a mail.
MAIL: Final = policy(style_src="'self' 'unsafe-inline'", img_src="'self' data:")


@cache
def page_policy() -> str:
    """Return the policy of ordinary pages and error pages.

    The logo may be on another host.
    """
    return policy(
        script_src="'self'",
        style_src="'self'",
        img_src=" ".join(["'self'", *_logo_origin()]),
        form_action="'self'",
    )


@cache
def console_policy() -> str:
    """Return the console's: Monaco injects styles and draws its squiggles as data: images."""
    return policy(
        script_src="'self'",
        worker_src="'self'",
        style_src="'self' 'unsafe-inline'",
        font_src="'self'",
        img_src=" ".join(["'self'", "data:", *_logo_origin()]),
        connect_src="'self'",
    )


@cache
def admin_policy() -> str:
    """Return the policy of the admin's pages.

    It allows `eval`, because the theme's Alpine.js evaluates expressions in attributes, and inline
    styles, which Alpine.js and the chart set; see docs/decisions.md. Avatars may be on another
    host.
    """
    return policy(
        script_src="'self' 'unsafe-eval'",
        style_src="'self' 'unsafe-inline'",
        font_src="'self'",
        img_src=" ".join(["'self'", "data:", *_logo_origin(), *_media_origins()]),
        connect_src="'self'",
        form_action="'self'",
    )


def _media_origins() -> list[str]:
    if not settings.KEEPS_FILES:
        return []
    return _origin(default_storage.url("avatars/x"))


def _logo_origin() -> list[str]:
    return _origin(settings.SERVICE_LOGO_URL)


def _origin(url: str) -> list[str]:
    parts = urlsplit(url)
    return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []


class ContentSecurityMiddleware:
    """Sets the policy of every response, including errors from inner middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap the rest of the stack."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the header unless the view has set it."""
        response = self.get_response(request)
        headers = response.headers
        if HEADER not in headers:
            is_page = headers.get("Content-Type", "").startswith("text/html")
            headers[HEADER] = _policy_of_page(request) if is_page else NOTHING
        return response


def _policy_of_page(request: HttpRequest) -> str:
    match = request.resolver_match
    return admin_policy() if match and match.app_name == "admin" else page_policy()
