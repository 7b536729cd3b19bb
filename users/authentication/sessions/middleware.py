"""From a request's credentials to its `Actor`."""

from datetime import timedelta
from typing import Any, Final, cast

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from psycopg.errors import QueryCanceled

from core.errors import GenericErrorCode
from core.security.actor import Actor
from core.security.crypto import digest
from core.web.client_ip import client_address
from core.web.operations import PATH as API_PATH
from core.web.operations import timeout_response
from core.web.request import ActorRequest
from users.accounts.models import User
from users.authentication.sessions.access_tokens import AccessTokenError, read_access_token
from users.authentication.sessions.credentials import (
    LiveSession,
    LiveToken,
    live_session,
    live_token,
)
from users.authentication.sessions.expiry import record_session_use, record_token_use
from users.authentication.tokens.format import is_like_api_token, is_well_formed

USER_AGENT_MAX_LENGTH = 300
# The same for everybody: credentials are not looked at there, whatever comes along.
PUBLIC_PATHS: Final = frozenset({"/.well-known/jwks.json"})
PUBLIC_FILES: Final = "/media/"


class ApiTokenError(Exception):
    """The API token is not one of ours, expired, was revoked, or its owner may not sign in."""


class AuthenticationError(Exception):
    """Who asks cannot be said; ``response`` says why."""

    def __init__(self, response: HttpResponse) -> None:
        """Carry what to answer."""
        super().__init__(response.status_code)
        self.response = response


class ActorMiddleware(AuthenticationMiddleware):
    """Sets `request.actor` in one statement at the most, and for the admin `request.user`.

    A second one notes the use of a session, once in `settings.LAST_SEEN_PRECISION`. A bearer
    token that is not valid (any more) is answered with 401, so that a client knows to
    refresh; a stale cookie makes an anonymous request, so that one can log in.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]
        """Read the credentials, the bearer token before the cookie."""
        try:
            proof = authenticate(request)
        except AuthenticationError as error:
            return error.response
        session = proof if isinstance(proof, LiveSession) else None
        request.user = cast("Any", SimpleLazyObject(lambda: _user_of(session)))
        return None


def authenticate(request: HttpRequest) -> LiveSession | LiveToken | None:
    """Set `request.actor` by the credentials, and return their session or API token.

    Raises `AuthenticationError` for a bearer token that is not valid.
    """
    try:
        proof = None if _is_public(request.path) else _proof(request)
    except AccessTokenError:
        message = _("The access token is not valid any more. Refresh it or log in again.")
        raise AuthenticationError(_invalid_token(message)) from None
    except ApiTokenError:
        message = _("This API token is unknown, expired or revoked.")
        raise AuthenticationError(_invalid_token(message)) from None
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise AuthenticationError(timeout_response()) from None
    ip = client_address(request.META, settings.TRUSTED_PROXIES)
    user_agent = request.META.get("HTTP_USER_AGENT", "")[:USER_AGENT_MAX_LENGTH]
    cast("ActorRequest", request).actor = (
        proof.actor(ip=ip, user_agent=user_agent) if proof else Actor(ip=ip, user_agent=user_agent)
    )
    return proof


def _proof(request: HttpRequest) -> LiveSession | LiveToken | None:
    scheme, _space, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    by_cookie = scheme.lower() != "bearer"
    if not by_cookie and is_like_api_token(token):
        # They are for the API: no page, the admin's above all, takes them for anybody.
        return _token(token) if request.path_info == API_PATH else None
    if by_cookie:
        secret = request.COOKIES.get(settings.SESSION_COOKIE)
        session = live_session("cookie_digest", digest(secret)) if secret else None
    else:
        session = live_session("pk", read_access_token(token))
        if session is None:
            raise AccessTokenError
    if session:
        record_session_use(session, by_cookie=by_cookie)
    return session


def _is_public(path: str) -> bool:
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_FILES)


def _token(token: str) -> LiveToken:
    """Return the API token. Raises `ApiTokenError`."""
    found = live_token("digest", digest(token)) if is_well_formed(token) else None
    if found is None:
        raise ApiTokenError
    record_token_use(found)
    return found


def _user_of(session: LiveSession | None) -> User | AnonymousUser:
    """Return the person as the admin wants to have them."""
    if session is None:
        return AnonymousUser()
    unread = ("password", "search_text", "private_search_text")
    return User.objects.defer(*unread).get(pk=session.user_id)


def _invalid_token(message: str) -> HttpResponse:
    """Answer as RFC 6750, section 3.1, says, in the form of a GraphQL error."""
    error = {
        "message": message,
        "extensions": {"code": GenericErrorCode.UNAUTHENTICATED},
    }
    return JsonResponse(
        {"errors": [error]},
        status=401,
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def set_session_cookie(response: HttpResponse, secret: str) -> None:
    """Give the browser the session; when it ends before, the cookie is worth nothing."""
    _set_cookie(response, settings.SESSION_COOKIE, secret, settings.SESSION_MAX_AGE)


def clear_session_cookie(response: HttpResponse) -> None:
    """Make the browser forget the session."""
    response.delete_cookie(settings.SESSION_COOKIE, samesite="Lax")


def set_device_cookie(response: HttpResponse, token: str) -> None:
    """Have the browser known from now on; signing out does not change that."""
    _set_cookie(response, settings.DEVICE_COOKIE, token, settings.DEVICE_TTL)


def _set_cookie(response: HttpResponse, name: str, value: str, max_age: timedelta) -> None:
    """Set a cookie out of reach of scripts and of other sites' requests."""
    response.set_cookie(
        name, value, max_age=max_age, secure=settings.SECURE, httponly=True, samesite="Lax"
    )
