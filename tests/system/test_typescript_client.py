"""The TypeScript client against a real service, in Node."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.factories import PASSWORD, make_user
from tests.support.images import make_image
from tests.support.second_factors import age_authentication
from tests.system.client_service import client_service, expired, log_in, url_of
from tests.system.cluster import Replica
from tests.system.programs import npm
from tests.system.repository import ROOT

pytestmark = pytest.mark.usefixtures("transactional_db")

PACKAGE: Final = ROOT / "clients" / "typescript"


@pytest.fixture(scope="module", autouse=True)
def package() -> None:
    """Install the tools of the package, and build it."""
    npm(PACKAGE, "ci")
    npm(PACKAGE, "run", "build")


@pytest.fixture
def service(tmp_path: Path, settings: Any) -> Iterator[Replica]:
    with client_service(tmp_path, settings) as replica:
        yield replica


def test_client_works_in_node(service: Replica, settings: Any) -> None:
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
    npm(PACKAGE, "test", ROSTER_SERVICE=json.dumps(described))
