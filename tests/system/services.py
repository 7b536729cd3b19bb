"""A replica on the test database for clients of other languages, and its users."""

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.factories import PASSWORD, make_users
from tests.support.guides import GUIDES, write_guide
from tests.system.cluster import Replica, fetch
from tests.system.programs import compatibility_package, first_in_run, npm
from users.accounts.models import User
from users.authentication.models import Session
from users.authentication.sessions.access_tokens import issue_access_token

LOG_IN = """mutation ($login: String!, $password: String!) {
  logIn(input: {login: $login, password: $password}) { accessToken refreshToken }
}"""


@contextmanager
def service_at(directory: Path, settings: Any, **environ: str) -> Iterator[Replica]:
    """Run a replica at `http://localhost:PORT`, and have this process issue tokens of that URL."""
    replica = Replica.on_test_database(
        directory / "service.log",
        MEDIA_ROOT=str(directory / "media"),
        ALLOWED_HOSTS="localhost,127.0.0.1",
        **environ,
    )
    settings.PUBLIC_URL = replica.environ["PUBLIC_URL"] = f"http://localhost:{replica.port}"
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


def make_public_users(count: int) -> list[str]:
    """Create users whom all signed-in users see; return their usernames in order."""
    usernames = [f"user-{number:03}" for number in range(count)]
    make_users(usernames)
    User.objects.filter(username__in=usernames).update(is_public=True)
    return usernames


def package_with_guides(service_url: str) -> Path:
    """Return the folder of the other clients, with the code of the guides in `generated/guides`.

    The code is compiled against the service, by the first process of a test run.
    """
    package = compatibility_package()
    with first_in_run("guides") as is_first:
        if is_first:
            folder = package / "generated" / "guides"
            shutil.rmtree(folder, ignore_errors=True)
            for page in GUIDES.glob("*.md"):
                write_guide(page.stem, folder / page.stem)
            npm(package, "run", "guides", ROSTER_URL=service_url)
    return package
