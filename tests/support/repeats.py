"""Requests that are repeated until they are answered from memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import Any, Final

import pytest
from django.utils import timezone

from schema.http import view
from schema.http.answers.repeated import REQUESTS
from tests.support.factories import (
    make_api_token,
    make_cookie_session,
    make_token,
)
from tests.support.wsgi import Request, Response, send
from users.accounts.models import User
from users.authentication.models import Session
from users.authentication.sessions.access_tokens import issue_access_token
from users.scopes import Scope

ME: Final = "{ me { id name email profile { bio } memberships(first: 5) { nodes { role } } } }"
# The first one records the use of an API token, and later ones cache it and the answer.
WARMING: Final = 5


class Parsed:
    """Counts the requests that were parsed, as they repeated none."""

    def __init__(self) -> None:
        self.count = 0

    def is_repeat(self, request: Request, *, is_fast: bool = True) -> bool:
        """Send a request; return whether it was answered as a repeated one."""
        before = self.count
        send(request, is_fast=is_fast)
        return self.count == before


@contextmanager
def counting_parsed() -> Iterator[Parsed]:
    """Count requests that the API parses."""
    parsed, respond, lock = Parsed(), view.respond, Lock()

    def counted(*arguments: Any) -> Any:
        with lock:
            parsed.count += 1
        return respond(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view, "respond", counted)
        yield parsed


def warm(request: Request, *, is_fast: bool = True) -> Response:
    """Send a request until the next equal one can be answered from memory."""
    for _time in range(WARMING):
        found = send(request, is_fast=is_fast)
    return found


def parse_again(request: Request, *, is_fast: bool = True) -> Response:
    """Return the response as if the request were the first of its kind."""
    REQUESTS.clear()
    return send(request, is_fast=is_fast)


def bearer(token: str) -> dict[str, str]:
    """Return the header of a bearer token."""
    return {"HTTP_AUTHORIZATION": f"Bearer {token}"}


def make_impersonation(user: User, impersonator: User) -> Session:
    """Create a session in which an administrator impersonates the user."""
    return Session.objects.create(
        user=user,
        impersonator=impersonator,
        impersonation_reason="Support",
        expires_at=timezone.now() + timedelta(minutes=10),
        methods=[],
    )


def make_credentials(user: User, administrator: User, cookie: str) -> dict[str, dict[str, str]]:
    """Return a credential of each kind as headers; ``cookie`` names that of sessions."""
    secret = make_cookie_session(user)
    scopes = (Scope.PROFILE_READ, Scope.USERS_READ, Scope.ORGANIZATIONS_READ)
    return {
        "access token": bearer(make_token(user)),
        "cookie": {"HTTP_COOKIE": f"{cookie}={secret}"},
        "API token": bearer(make_api_token(user, *scopes)),
        "impersonation": bearer(issue_access_token(make_impersonation(user, administrator))),
    }
