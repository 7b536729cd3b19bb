"""From a request's credentials to its `Actor`."""

from typing import cast

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from core.actor import Actor
from core.crypto import digest
from core.errors import ErrorCode
from core.http import ActorRequest
from users.authentication.actors import actor_through
from users.authentication.models import Session
from users.authentication.tokens import AccessTokenError, read_access_token

USER_AGENT_MAX_LENGTH = 300


class ActorMiddleware(AuthenticationMiddleware):
    """Sets `request.actor`, and for the admin `request.user`, in one statement at the most.

    A bearer token that is not valid (any more) is answered with 401, so that a client
    knows to refresh; a stale cookie makes an anonymous request, so that one can log in.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]
        """Read the credentials, the bearer token before the cookie."""
        try:
            session = self._session(request)
        except AccessTokenError:
            return _invalid_token()
        user_agent = request.headers.get("User-Agent", "")[:USER_AGENT_MAX_LENGTH]
        cast("ActorRequest", request).actor = (
            actor_through(session, user_agent) if session else Actor(user_agent=user_agent)
        )
        request.user = session.user if session else AnonymousUser()
        return None

    @staticmethod
    def _session(request: HttpRequest) -> Session | None:
        sessions = (
            Session.objects.active()
            .filter(user__is_active=True)
            .select_related("user")
            .defer("cookie_digest", "user__password")
        )
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            session = sessions.filter(pk=read_access_token(token)).first()
            if session is None:
                raise AccessTokenError
            return session
        secret = request.COOKIES.get(settings.SESSION_COOKIE)
        return sessions.filter(cookie_digest=digest(secret)).first() if secret else None


def _invalid_token() -> HttpResponse:
    """Answer as RFC 6750, section 3.1, says, in the form of a GraphQL error."""
    error = {
        "message": _("The access token is not valid any more. Refresh it or log in again."),
        "extensions": {"code": ErrorCode.UNAUTHENTICATED},
    }
    return JsonResponse(
        {"errors": [error]},
        status=401,
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


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
