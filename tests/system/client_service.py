"""A service for the tests of the client packages, with tokens of its users."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.support.factories import PASSWORD
from tests.system.cluster import Replica, fetch
from users.authentication.models import Session
from users.authentication.sessions.access_tokens import issue_access_token

LOG_IN: Final = """mutation ($login: String!, $password: String!) {
  logIn(input: {login: $login, password: $password}) { accessToken refreshToken }
}"""


@contextmanager
def client_service(folder: Path, settings: Any) -> Iterator[Replica]:
    """Run a replica on the test database, whose access tokens this process can issue."""
    replica = Replica.on_test_database(
        folder / "service.log",
        MEDIA_ROOT=str(folder / "media"),
        ALLOWED_HOSTS="localhost,127.0.0.1",
        SIGN_UP="open",
    )
    settings.PUBLIC_URL = f"http://localhost:{replica.port}"
    replica.environ["PUBLIC_URL"] = settings.PUBLIC_URL
    replica.start()
    try:
        replica.wait_until_ready()
        yield replica
    finally:
        replica.stop()


def url_of(service: Replica) -> str:
    return f"http://localhost:{service.port}/graphql"


def log_in(service: Replica, login: str) -> dict[str, str]:
    """Return the tokens of a new session."""
    body = json.dumps({"query": LOG_IN, "variables": {"login": login, "password": PASSWORD}})
    headers = {"Content_Type": "application/json"}
    _response, answer = fetch(service.port, "POST", "/graphql", body.encode(), **headers)
    tokens: dict[str, str] = json.loads(answer)["data"]["logIn"]
    return tokens


def expired(tokens: dict[str, str], login: str, settings: Any) -> dict[str, str]:
    """Return the tokens with an access token that expired a minute ago."""
    settings.ACCESS_TOKEN_TTL = dt.timedelta(minutes=-1)
    session = Session.objects.get(user__username=login)
    return tokens | {"accessToken": issue_access_token(session)}
