"""Middleware that authenticates requests and sets their `Actor`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, cast

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from psycopg.errors import QueryCanceled

from core.cached_settings import settings
from core.database.replicas.pool import REPLICAS
from core.database.replicas.replica import Confirmation
from core.errors import InvalidTokenError
from core.security.actor import Actor
from core.security.crypto import digest
from core.web.client_ip import client_address
from core.web.operations import PATH as API_PATH
from core.web.operations import timeout_response
from core.web.request import ActorRequest, Reply
from engine.sql.leading import LeadingStatement, NotConfirmedError, leading_connection
from users.accounts.models import User
from users.authentication.sessions.access_tokens import AccessTokenError, read_access_token
from users.authentication.sessions.credentials import ActiveApiToken, ActiveSession
from users.authentication.sessions.expiry import record_session_use, record_token_use
from users.authentication.sessions.lookups import Credential, Lookup, credential_cache
from users.authentication.tokens.format import is_like_api_token, is_well_formed

USER_AGENT_MAX_LENGTH = 300
# RFC 6750, section 3.1.
INVALID_TOKEN: Final = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
# Responses here are the same for every client, so credentials are ignored.
PUBLIC_PATHS: Final = frozenset({"/.well-known/jwks.json"})
PUBLIC_FILES: Final = "/media/"
# For responses that end a cookie session. Not "cookies": the device cookie survives signing out.
CLEAR_SITE_DATA: Final = {"Clear-Site-Data": '"cache", "storage"'}


class ApiTokenError(InvalidTokenError):
    """The API token is malformed, unknown, expired or revoked, or its owner is inactive."""

    message = _("This API token is unknown, expired or revoked.")


class AuthenticationError(Exception):
    """The request could not be authenticated; ``response`` is the answer to the client."""

    def __init__(self, response: HttpResponse) -> None:
        """Store the response."""
        super().__init__(response.status_code)
        self.response = response


class ActorMiddleware(AuthenticationMiddleware):
    """Sets `request.actor`, and `request.user` for the admin.

    Costs at most one query, and a second one per `settings.LAST_SEEN_PRECISION` to record the
    use. An invalid or expired bearer token gets a 401 response, so that the client refreshes it;
    the API decides that by itself. An expired cookie makes the request anonymous, so that the user
    can sign in.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]
        """Authenticate the request; a bearer token takes precedence over the cookie."""
        try:
            credential = authenticate(request)
        except AuthenticationError as error:
            return error.response
        session = credential if isinstance(credential, ActiveSession) else None
        request.user = cast("Any", SimpleLazyObject(lambda: _user_of(session)))
        return None


def authenticate(request: HttpRequest) -> Credential | None:
    """Set `request.actor` and return the session or API token; None if anonymous.

    Raises `AuthenticationError` if the query times out, and for an invalid bearer token; in a
    request to the API, that is `request.token_error` instead.
    """
    try:
        with timeouts_as_responses():
            found = _read_credential(None if _is_public(request.path) else _lookup(request))
    except InvalidTokenError as error:
        if request.path_info != API_PATH:
            raise AuthenticationError(_invalid_token(error)) from None
        _refuse_token(request, error)
        return None
    _set_actor(request, *found)
    return found[0]


def respond_authenticated(request: HttpRequest, respond: Callable[[], Reply]) -> Reply:
    """Set `request.actor` and return the response. Raises `AuthenticationError` for a time-out.

    With an invalid bearer token the actor is anonymous, and `request.token_error` set: ``respond``
    must refuse what needs a token.

    An API request whose session or API token is cached is executed at once, with the statement
    of authentication in front of its first one. ``respond`` is called again if that finds something
    else, so it must call `run_leading` before effects that are not the database's. See "The
    session's statement goes out with the first of a query" in docs/decisions.md. With replicas, a
    query has to know the row before it may be executed by one.
    """
    try:
        lookup = _lookup(request)
    except InvalidTokenError as error:
        _refuse_token(request, error)
        return respond()
    known = None if REPLICAS.is_configured else _cached(lookup)
    connection = leading_connection() if known else None
    if lookup and known and connection:
        _set_actor(request, known)
        try:
            with LeadingStatement(connection, lookup.statement(), lookup.values(), [known]):
                return respond()
        except NotConfirmedError as error:
            credential_cache.set(lookup, None)
            if error.error is not None:
                with timeouts_as_responses():
                    # Its cause says whether it is a time-out.
                    raise error.error from error.error.__cause__
    try:
        with timeouts_as_responses():
            credential, confirmation = _read_credential(lookup)
    except InvalidTokenError as error:
        _refuse_token(request, error)
        return respond()
    if lookup and settings.DATABASE_PIPELINE:
        credential_cache.set(lookup, credential)
    _set_actor(request, credential, confirmation)
    return respond()


def cached_credential(request: HttpRequest) -> tuple[Lookup, Credential] | None:
    """Set `request.actor` by the cached session or API token, to be confirmed; return it.

    None, and the actor is not set, if there is none.
    """
    try:
        lookup = _lookup(request)
    except InvalidTokenError:
        return None
    known = _cached(lookup)
    if lookup is None or known is None:
        return None
    _set_actor(request, known)
    return lookup, known


def _cached(lookup: Lookup | None) -> Credential | None:
    return credential_cache.get(lookup) if lookup and settings.DATABASE_PIPELINE else None


def _refuse_token(request: HttpRequest, error: InvalidTokenError) -> None:
    """Make the request anonymous."""
    _set_actor(request, None)
    # The exception itself would keep its traceback's frames, and so the request, in memory.
    cast("ActorRequest", request).token_error = type(error)


def _set_actor(
    request: HttpRequest, credential: Credential | None, confirmation: Confirmation | None = None
) -> None:
    known = cast("ActorRequest", request)
    known.token_error, known.confirmation = None, confirmation
    ip = client_address(request.META, settings.TRUSTED_PROXIES)
    user_agent = request.META.get("HTTP_USER_AGENT", "")[:USER_AGENT_MAX_LENGTH]
    known.actor = (
        credential.actor(ip=ip, user_agent=user_agent)
        if credential
        else Actor(ip=ip, user_agent=user_agent)
    )


@contextmanager
def timeouts_as_responses() -> Iterator[None]:
    """Raise `AuthenticationError` if a query times out."""
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        raise AuthenticationError(timeout_response()) from None


def _lookup(request: HttpRequest) -> Lookup | None:
    """Return how the request's session or API token is found; None if it presents none.

    Raises `AccessTokenError` and `ApiTokenError` for a bearer token that cannot be valid.
    """
    scheme, _space, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        secret = request.COOKIES.get(settings.SESSION_COOKIE)
        return Lookup(ActiveSession, "cookie_digest", digest(secret)) if secret else None
    if not is_like_api_token(token):
        return Lookup(ActiveSession, "pk", read_access_token(token))
    # API tokens authenticate API requests only, never pages such as the admin's.
    if request.path_info != API_PATH:
        return None
    if not is_well_formed(token):
        raise ApiTokenError
    return Lookup(ActiveApiToken, "digest", digest(token))


def _read_credential(lookup: Lookup | None) -> tuple[Credential | None, Confirmation | None]:
    """Return the session or API token, and record its use.

    With replicas, also what one must return to execute the request's queries. Raises
    `AccessTokenError` and `ApiTokenError` if a bearer token is not valid.
    """
    if lookup is None:
        return None, None
    if REPLICAS.is_configured:
        found, confirmation = lookup.read_confirmation()
    else:
        found, confirmation = lookup.read(), None
    if isinstance(found, ActiveApiToken):
        record_token_use(found)
    elif found is not None:
        record_session_use(found, by_cookie=lookup.is_by_cookie)
    elif not lookup.is_by_cookie:
        raise ApiTokenError if lookup.type_ is ActiveApiToken else AccessTokenError
    return found, confirmation


def _is_public(path: str) -> bool:
    return path in PUBLIC_PATHS or path.startswith(PUBLIC_FILES)


def _user_of(session: ActiveSession | None) -> User | AnonymousUser:
    """Return the session's user for the admin, without columns that it does not read."""
    if session is None:
        return AnonymousUser()
    deferred = ("password", "search_text", "private_search_text")
    return User.objects.defer(*deferred).get(pk=session.user_id)


def _invalid_token(error: InvalidTokenError) -> HttpResponse:
    """Return the response of a page, in the form of the API's."""
    formatted = {"message": str(error.text), "extensions": {"code": error.code}}
    return JsonResponse({"errors": [formatted]}, status=401, headers=INVALID_TOKEN)


def set_session_cookie(response: HttpResponse, secret: str) -> None:
    """Set the session cookie, for the maximum age of a session."""
    _set_cookie(response, settings.SESSION_COOKIE, secret, settings.SESSION_MAX_AGE)


def clear_session_cookie(response: HttpResponse) -> None:
    """Delete the session cookie."""
    response.delete_cookie(settings.SESSION_COOKIE, samesite="Lax")


def set_device_cookie(response: HttpResponse, token: str) -> None:
    """Set the device cookie, which survives signing out."""
    _set_cookie(response, settings.DEVICE_COOKIE, token, settings.DEVICE_TTL)


def _set_cookie(response: HttpResponse, name: str, value: str, max_age: timedelta) -> None:
    """Set a cookie that is HTTP-only and same-site (Lax)."""
    response.set_cookie(
        name, value, max_age=max_age, secure=settings.SECURE, httponly=True, samesite="Lax"
    )
