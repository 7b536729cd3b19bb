"""Operations bypass the middleware of pages, but keep its security guarantees."""

import re
from typing import Any, Final

import pytest
from django.test import Client

from core.web.content_security import NOTHING

pytestmark = pytest.mark.usefixtures("path")

OPERATION: Final[dict[str, Any]] = {
    "path": "/graphql",
    "data": {"query": "{ __typename }"},
    "content_type": "application/json",
}


def test_answers_have_security_headers(client: Client, db: None) -> None:
    response = client.post(**OPERATION)
    headers = {name: response.headers.get(name) for name in response.headers}
    assert headers == {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(response.content)),
        "Content-Language": "en",
        "Vary": "Accept, Accept-Language, Authorization, Cookie, Origin",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": NOTHING,
        "X-Request-ID": response.headers["X-Request-ID"],
    }
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-ID"])


def test_client_is_answered_in_its_language(client: Client, db: None) -> None:
    response = client.post(
        **OPERATION | {"data": {"query": "{ users(first: 0) { nodes { id } } }"}},
        headers={"Accept-Language": "de-AT, en;q=0.5"},
    )
    assert response.headers["Content-Language"] == "de"
    (error,) = response.json()["errors"]
    assert error["message"] == "Melden Sie sich dafür an."


def test_hsts_is_sent(client: Client, db: None, settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 60
    headers = client.post(**OPERATION, secure=True).headers
    assert headers["Strict-Transport-Security"] == "max-age=60"
    assert "Strict-Transport-Security" not in client.post(**OPERATION).headers


@pytest.mark.parametrize("host", ["evil.example", "testserver:x", ""])
def test_unknown_host_is_refused(client: Client, db: None, host: str) -> None:
    assert client.post(**OPERATION, headers={"Host": host}).status_code == 400


def test_unencrypted_operation_is_redirected(client: Client, db: None, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.post(**OPERATION)
    assert (response.status_code, response.content) == (301, b"")
    assert response.headers["Location"] == "https://testserver/graphql"
    assert client.post(**OPERATION, secure=True).json() == {"data": {"__typename": "Query"}}


def test_other_methods_get_an_allow_header(client: Client, db: None) -> None:
    response = client.put("/graphql", **{k: v for k, v in OPERATION.items() if k != "path"})
    assert response.status_code == 405


def test_failing_view_is_answered_with_500(client: Client, db: None, settings: Any) -> None:
    client.raise_request_exception = False
    settings.TRUSTED_PROXIES = "not a number"
    assert client.post(**OPERATION).status_code == 500
