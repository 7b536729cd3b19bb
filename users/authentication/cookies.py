"""The session cookie."""

from django.conf import settings
from django.http import HttpResponse


def set_session_cookie(response: HttpResponse, secret: str) -> None:
    """Give the browser the session, out of reach of scripts and of other sites' requests."""
    response.set_cookie(
        settings.SESSION_COOKIE,
        secret,
        max_age=settings.SESSION_TTL,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def clear_session_cookie(response: HttpResponse) -> None:
    """Make the browser forget the session."""
    response.delete_cookie(settings.SESSION_COOKIE, samesite="Lax")
