"""Probes, and the scheme that a trusted proxy reports."""

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.server.servers import PATIENCE, serving
from tests.support.service_processes import environ_of_tests


def test_liveness_checks_no_dependency(client: Client) -> None:
    response = client.get("/livez", headers={"Host": "10.1.2.3"})

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_readiness_ends_while_the_drain_file_exists(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.DRAIN_FILE = str(tmp_path / "drain")
    assert client.get("/readyz").status_code == 200

    (tmp_path / "drain").touch()
    response = client.get("/readyz")
    assert (response.status_code, response.content) == (503, b"draining\n")

    (tmp_path / "drain").unlink()
    assert client.get("/readyz").status_code == 200


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Returns redirects instead of following them."""

    def redirect_request(self, *arguments: Any, **options: Any) -> None:
        return None


def status(url: str, **headers: str) -> int:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(urllib.request.Request(url, headers=fields), timeout=PATIENCE) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("proxies", "expected"), [("127.0.0.1", 200), ("192.0.2.1", 301)], ids=["trusted", "other"]
)
def test_only_a_trusted_proxy_can_report_https(proxies: str, expected: int) -> None:
    environ = environ_of_tests(PUBLIC_URL="https://localhost", FORWARDED_ALLOW_IPS=proxies)
    with serving(**environ) as server:
        url = f"http://localhost:{server.port}"
        assert status(f"{url}/livez") == 200
        query = f"{url}/graphql?query=%7B__typename%7D"
        assert status(query) == 301
        assert status(query, X_Forwarded_Proto="https") == expected
