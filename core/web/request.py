"""Requests and responses between Django and the API."""

from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import SimpleCookie

from django.core.exceptions import RequestDataTooBig
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from core.cached_settings import settings
from core.database.replicas.replica import Confirmation
from core.errors import InvalidTokenError
from core.security.actor import Actor
from core.web.caching import Hit
from engine.deadline import Deadline


class ActorRequest(HttpRequest):
    """A request with its actor and its deadline."""

    actor: Actor
    # Why the bearer token was refused, if it was; the actor is anonymous then.
    token_error: type[InvalidTokenError] | None
    # What a replica must show to execute queries; None if only the primary may.
    confirmation: Confirmation | None
    deadline: Deadline


class OperationRequest(WSGIRequest):
    """A request on the fast path, whose body is read in one piece."""

    @cached_property
    def body(self) -> bytes:
        """Read the body. Raises `RequestDataTooBig`, as Django's does."""
        # The stream ends after this length, so it need not be checked again.
        if int(self.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        return self.read()


@dataclass(slots=True)
class Reply:
    """A complete response. Creating Django's takes as long as a cheap operation."""

    status: int
    body: bytes
    headers: dict[str, str]
    cookies: SimpleCookie | None = None
    # The Django response that it was created from, if any.
    source: HttpResponse | None = None
    # How metrics and logs name the operation, and the codes of all errors.
    operation: str | None = None
    codes: tuple[str, ...] = ()
    # How it was found in the cache, if the next equal request may be answered in the same way.
    hit: Hit | None = None

    @classmethod
    def of(cls, response: HttpResponse) -> "Reply":
        """Return a reply with the content of a Django response."""
        headers = dict(response.items())
        return cls(response.status_code, response.content, headers, response.cookies, response)

    def to_response(self) -> HttpResponse:
        """Return an equivalent Django response."""
        response = self.source or HttpResponse(self.body, status=self.status)
        if self.status == HTTPStatus.NOT_MODIFIED:
            # Django's default.
            del response.headers["Content-Type"]
        for name, value in self.headers.items():
            response.headers[name] = value
        response.cookies.update(self.cookies or {})
        return response
