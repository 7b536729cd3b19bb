"""What a web process does before it is ready, for its first request."""

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection

from core.web.fast_path import FastPath
from core.web.warm_up import warm_up
from tests.core.test_serving import status
from tests.server.servers import PATIENCE, serving
from tests.support.database_proxies import database_proxy
from tests.support.metrics import Increase
from tests.support.service_processes import environ_of_tests
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("proxies", [0, 1])
@pytest.mark.parametrize("url", ["http://testserver", "https://testserver"])
def test_an_operation_is_executed_and_not_counted(settings: Any, url: str, proxies: int) -> None:
    settings.PUBLIC_URL, settings.TRUSTED_PROXIES = url, proxies
    settings.SECURE_SSL_REDIRECT = url.startswith("https")
    application = FastPath(WSGIHandler())
    found: list[tuple[str, bytes]] = []

    def record(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        statuses: list[str] = []

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            statuses.append(status)
            start_response(status, headers)

        body = b"".join(application(environ, start))
        found.append((statuses[0], body))
        return [body]

    def call() -> None:
        warm_up(record)
        assert connection.connection is None

    grown = Increase.by(call)
    assert found == [("200 OK", b'{"data":{"me":null}}')]
    for name in ("http_requests_total", "graphql_operations_total", "graphql_errors_total"):
        assert grown.of_name(name) == {}


def test_workers_share_the_schema() -> None:
    command = "import core.wsgi, sys; print({'schema.root', 'core.urls'} <= sys.modules.keys())"
    environ = environ_of_tests(DJANGO_SETTINGS_MODULE="core.settings")
    done = subprocess.run(
        [sys.executable, "-c", command], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def test_a_process_starts_without_the_database() -> None:
    with database_proxy() as proxy:
        proxy.stop()
        with serving(**proxy.environ()) as server:
            url = f"http://localhost:{server.port}"
            assert (status(f"{url}/livez"), status(f"{url}/readyz")) == (200, 503)
            proxy.start()
            wait_until(lambda: status(f"{url}/readyz") == 200, seconds=PATIENCE)
            assert status(f"{url}/graphql?query=%7B__typename%7D") == 200
