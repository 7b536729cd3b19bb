"""Persisted documents of Apollo Client, urql, graphql-codegen and Relay, by their own tools."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from django.core.management import call_command

from core.dev.ports import free_port
from tests.support.environment import PATIENCE
from tests.support.factories import make_user
from tests.support.redis_servers import RedisServer
from tests.system.cluster import Replica
from tests.system.programs import compatibility_package, npm
from tests.system.services import log_in

pytestmark = pytest.mark.usefixtures("transactional_db")

MANIFESTS: Final = (
    "apollo.json",
    "relay.json",
    "sha1/persisted-documents.json",
    "sha256/persisted-documents.json",
)


@pytest.fixture(scope="module")
def package() -> Path:
    """Have the tools write their manifests; return their folder."""
    folder = compatibility_package()
    npm(folder, "run", "manifests")
    return folder


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[dict[str, Replica]]:
    """Run a replica for each configuration, by name."""
    with RedisServer(tmp_path).running() as redis, ExitStack() as stack:
        environs = {
            "any": {"CACHE_URL": f"{redis.url}?{PATIENCE}"},
            "trusted": {"CACHE_URL": f"{redis.url}?{PATIENCE}", "DOCUMENTS": "trusted"},
            "off": {"SHARED_CACHE_SECONDS": "0"},
            "down": {"CACHE_URL": f"redis://127.0.0.1:{free_port()}"},
        }
        started = {}
        for name, environ in environs.items():
            started[name] = replica = Replica.on_test_database(tmp_path / name, **environ)
            replica.start()
            stack.callback(replica.stop)
        for replica in started.values():
            replica.wait_until_ready()
        yield started


def test_clients_find_their_documents(package: Path, replicas: dict[str, Replica]) -> None:
    make_user("alice")
    call_command(
        "trust_documents", *(str(package / "generated" / "manifests" / name) for name in MANIFESTS)
    )
    described = {
        "replicas": {name: replica.port for name, replica in replicas.items()},
        "token": log_in(replicas["any"], "alice")["accessToken"],
    }
    npm(package, "test", ROSTER_REPLICAS=json.dumps(described))
