"""What a browser may do with our answers (Content Security Policy Level 3).

Every answer has a policy. A page that needs more than `PAGE` allows sets its own header, from the
constants here. No policy has nonces: no page of ours has scripts between its tags.
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
    """Return a policy that allows nothing but these directives."""
    least = {"default_src": "'none'", "base_uri": "'none'"}
    least |= {"form_action": "'none'", "frame_ancestors": "'none'"}
    allowed = least | directives
    return "; ".join(f"{name.replace('_', '-')} {value}" for name, value in allowed.items())


# For whatever is no page: nothing in it runs, even if a browser took it for one.
NOTHING: Final = policy()
# Plain pages, and those of errors.
PAGE: Final = policy(
    script_src="'self'", style_src="'self'", img_src="'self'", form_action="'self'"
)
# Monaco injects styles and shows its squiggles as data: images; nothing comes from elsewhere.
CONSOLE: Final = policy(
    script_src="'self'",
    worker_src="'self'",
    style_src="'self' 'unsafe-inline'",
    font_src="'self'",
    img_src="'self' data:",
    connect_src="'self'",
)
# Mails have their styles in their tags. They are shown in a frame that inherits this, without
# scripts, and pictures of others would tell that a mail was read.
MAIL: Final = policy(style_src="'self' 'unsafe-inline'", img_src="'self' data:")


@cache
def admin_policy() -> str:
    """Return the policy of the admin's pages.

    The theme's Alpine.js evaluates expressions in attributes, so `eval` cannot be forbidden, and
    both it and the chart set styles; see docs/decisions.md. Pictures may be on another host.
    """
    return policy(
        script_src="'self' 'unsafe-eval'",
        style_src="'self' 'unsafe-inline'",
        font_src="'self'",
        img_src=" ".join(["'self'", "data:", *_media_origins()]),
        connect_src="'self'",
        form_action="'self'",
    )


def _media_origins() -> list[str]:
    if not settings.KEEPS_FILES:
        return []
    parts = urlsplit(default_storage.url("avatars/x"))
    return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []


class ContentSecurityMiddleware:
    """Give every answer a policy; the outermost, so errors of other middleware have one, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap the rest of the stack."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the header unless the view did."""
        response = self.get_response(request)
        headers = response.headers
        if HEADER not in headers:
            is_page = headers.get("Content-Type", "").startswith("text/html")
            headers[HEADER] = _policy_of_page(request) if is_page else NOTHING
        return response


def _policy_of_page(request: HttpRequest) -> str:
    match = request.resolver_match
    return admin_policy() if match and match.app_name == "admin" else PAGE
