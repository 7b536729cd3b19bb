"""Log-ins and sessions over HTTP."""

import threading
from collections.abc import Callable
from typing import Any, ClassVar

from core.security.hashers import Argon2idHasher
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import PASSWORD
from users.accounts.models import User
from users.activity.models import Event

ClientOf = Callable[[User], GraphQLClient]

LOG_IN = """
    mutation (
      $login: String!, $password: String!, $transport: Transport! = TOKEN, $device: String
    ) {
      logIn(input: {
        login: $login, password: $password, transport: $transport, deviceToken: $device
      }) {
        accessToken refreshToken deviceToken user { username email } errors { code field message }
      }
    }
"""
REFRESH = """
    mutation ($token: String!) {
      refreshTokens(input: {refreshToken: $token}) {
        accessToken refreshToken deviceToken user { username } errors { code field }
      }
    }
"""
LOG_OUT = "mutation { logOut { errors { code } } }"
ME = "{ me { username } }"
ALICE = {"me": {"username": "alice"}}

WRONG = "not the password"
REFUSED = [("CREDENTIALS_INVALID", "login")]
THROTTLED = ["TOO_MANY_ATTEMPTS"]


def log_in(login: str = "alice", password: str = PASSWORD, **variables: str) -> dict[str, Any]:
    """Log in; return the payload."""
    answer = GraphQLClient()(LOG_IN, login=login, password=password, **variables)
    payload: dict[str, Any] = answer.data["logIn"]
    return payload


def log_in_by_cookie(login: str = "alice") -> GraphQLClient:
    """Return a client with a cookie session."""
    client = GraphQLClient()
    answer = client(LOG_IN, login=login, password=PASSWORD, transport="COOKIE")
    assert answer.problems == []
    return client


def attempt(
    login: str = "alice", password: str = WRONG, device: str | None = None, **meta: str
) -> Answer:
    """Attempt to log in by a request with this WSGI environment."""
    client = GraphQLClient()
    client.http.defaults.update(meta)
    return client(LOG_IN, login=login, password=password, device=device)


def lock_out(login: str = "alice") -> None:
    """Use up the account's log-in attempts."""
    while (answer := attempt(login)).codes != THROTTLED:
        assert answer.problems == REFUSED
    CountingHasher.runs = 0


def refresh(token: str) -> Answer:
    return GraphQLClient()(REFRESH, token=token)


def tags() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("tag", flat=True))


class CountingHasher(Argon2idHasher):
    """Our hasher with a count of its calls."""

    runs: ClassVar[int] = 0
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def install(cls, settings: Any) -> None:
        """Use this hasher, with the count at zero."""
        settings.PASSWORD_HASHERS = [f"{cls.__module__}.{cls.__name__}"]
        cls.runs = 0

    @classmethod
    def _count(cls) -> None:
        with cls._lock:
            cls.runs += 1

    def encode(self, password: str, salt: str) -> str:
        self._count()
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        self._count()
        return super().verify(password, encoded)
