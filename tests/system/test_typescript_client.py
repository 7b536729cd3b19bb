"""The TypeScript client against a real service, in Node."""

import base64
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.factories import PASSWORD, make_user
from tests.support.images import make_image
from tests.support.second_factors import age_authentication
from tests.system.cluster import Replica, fetch
from tests.system.programs import npm
from users.authentication.models import Session
from users.authentication.sessions.access_tokens import issue_access_token

pytestmark = pytest.mark.usefixtures("transactional_db")

LOG_IN: Final = """mutation ($login: String!, $password: String!) {
  logIn(input: {login: $login, password: $password}) { accessToken refreshToken }
}"""


@pytest.fixture
def service(tmp_path: Path, settings: Any) -> Iterator[Replica]:
    """Run a replica on the test database, whose access tokens this process can issue."""
    replica = Replica.on_test_database(
        tmp_path / "service.log",
        MEDIA_ROOT=str(tmp_path / "media"),
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


def test_client_works_in_node(typescript_client: Path, service: Replica, settings: Any) -> None:
    for username in ("alice", "bob", "charlie", "dora"):
        make_user(username, name=username.title(), is_public=True)
    make_user("root", is_staff=True, is_superuser=True)
    tokens = {"bob": log_in(service, "bob"), "charlie": log_in(service, "charlie")}
    tokens["bob"] = expired(tokens["bob"], "bob", settings)
    age_authentication()

    described = {
        "url": url_of(service),
        "password": PASSWORD,
        "tokens": tokens,
        "image": base64.b64encode(make_image("PNG")).decode(),
    }
    npm(typescript_client, "test", ROSTER_SERVICE=json.dumps(described))
