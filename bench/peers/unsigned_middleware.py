"""What stands in for the sign-in where it is not measured."""

from collections.abc import Callable
from typing import cast
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from core.actor import Actor
from core.http import ActorRequest

STAFF = Actor(user_id=UUID(int=1), is_staff=True)


class StaffMiddleware:
    """Takes everybody for one of the staff, and reads no credentials."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap the rest of the stack."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the actor."""
        cast("ActorRequest", request).actor = STAFF
        request.user = AnonymousUser()
        return self.get_response(request)
