"""`/schema.graphql`, from which clients are generated."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.factories import make_cookie_session
from users.accounts.models import User

URL = "/schema.graphql"
SDL = Path("schema.graphql").read_bytes()


def test_schema_is_public(client: Client) -> None:
    response = client.get(URL)
    assert response.content == SDL
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Cache-Control"] == "public, max-age=300"


def test_schema_can_be_revalidated(client: Client) -> None:
    etag = client.get(URL)["ETag"]
    again = client.get(URL, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert again["Cache-Control"] == "public, max-age=300"


@pytest.mark.usefixtures("db")
def test_schema_is_closed_with_introspection(client: Client, alice: User, settings: Any) -> None:
    etag = client.get(URL)["ETag"]
    settings.INTROSPECTION = "signed-in"
    for headers in ({}, {"If-None-Match": etag}):
        assert client.get(URL, headers=headers).status_code == 404
    client.cookies[settings.SESSION_COOKIE] = make_cookie_session(alice)
    response = client.get(URL)
    assert response.content == SDL
    assert response["Cache-Control"] == "private, max-age=300"


def test_schema_is_only_read(client: Client) -> None:
    assert client.post(URL).status_code == 405
