"""Requests and responses on their way between Django and the API."""

from dataclasses import dataclass
from http.cookies import SimpleCookie

from django.http import HttpRequest, HttpResponse

from core.security.actor import Actor
from engine.deadline import Deadline


class ActorRequest(HttpRequest):
    """A request that knows who asks, and by when it is to be answered."""

    actor: Actor
    deadline: Deadline


@dataclass(slots=True)
class Reply:
    """A complete response. Django's takes as long to make as the operation itself."""

    status: int
    body: bytes
    headers: dict[str, str]
    cookies: SimpleCookie | None = None
    # The response that it was made of, if Django made one.
    source: HttpResponse | None = None

    @classmethod
    def of(cls, response: HttpResponse) -> "Reply":
        """Make a reply of a response that Django made."""
        headers = dict(response.items())
        return cls(response.status_code, response.content, headers, response.cookies, response)

    def to_response(self) -> HttpResponse:
        """Return Django's response to the same effect."""
        response = self.source or HttpResponse(self.body, status=self.status)
        for name, value in self.headers.items():
            response.headers[name] = value
        response.cookies.update(self.cookies or {})
        return response
