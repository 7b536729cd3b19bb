"""A replica on the test database whose access tokens the tests can issue."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.factories import PASSWORD
from tests.system.cluster import Replica, fetch

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
