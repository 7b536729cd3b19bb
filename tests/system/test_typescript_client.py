"""The TypeScript client against a real service, in Node."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import PASSWORD, make_user
from tests.support.images import make_image
from tests.support.second_factors import age_authentication
from tests.system.cluster import Replica
from tests.system.programs import built_client, npm
from tests.system.services import expired, log_in, service_at, url_of

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def service(tmp_path: Path, settings: Any) -> Iterator[Replica]:
    with service_at(tmp_path, settings, SIGN_UP="open") as replica:
        yield replica


def test_client_works_in_node(service: Replica, settings: Any) -> None:
    for username in ("alice", "bob", "charlie", "dora"):
        make_user(username, name=username.title(), is_public=True)
    make_user("root", is_staff=True, is_superuser=True)
    tokens = {login: log_in(service, login) for login in ("bob", "charlie", "dora")}
    for login in ("bob", "dora"):
        tokens[login] = expired(tokens[login], login, settings)
    age_authentication()

    described = {
        "url": url_of(service),
        "password": PASSWORD,
        "tokens": tokens,
        "image": base64.b64encode(make_image("PNG")).decode(),
    }
    npm(built_client(), "test", ROSTER_SERVICE=json.dumps(described))
