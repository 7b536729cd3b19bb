"""System check of the settings that name origins."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning


def check_origins(**_arguments: Any) -> list[CheckMessage]:
    """Warn of mailed links and passkeys for pages that may not use the API.

    Pages whose own server calls the API need no entry in ALLOWED_ORIGINS.
    """
    usable = {_origin(settings.PUBLIC_URL), *settings.CORS_ALLOWED_ORIGINS}
    return [
        CheckWarning(
            f"{name} names {origin}, whose pages may not use the API.",
            hint=f"Add {origin} to ALLOWED_ORIGINS if its pages call the API from the browser.",
            id=number,
        )
        for name, number, origin in _named_origins()
        if origin not in usable
    ]


def _named_origins() -> Iterator[tuple[str, str, str]]:
    """Return each origin of a page, with its setting and the number of its warning."""
    yield "LINKS_URL", "roster.W003", _origin(settings.LINKS_URL)
    for each in settings.WEBAUTHN_ORIGINS:
        # Those of native apps (`android:apk-key-hash:…`) have no pages.
        if urlsplit(each).netloc:
            yield "WEBAUTHN_ORIGINS", "roster.W004", _origin(each)


def _origin(url: str) -> str:
    """Return the origin of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
