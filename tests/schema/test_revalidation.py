"""Revalidation of cached answers by HTTP: `ETag`, `If-None-Match` and 304."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from django.http.response import HttpResponseBase

from schema.http.answers.cached import ANSWERS
from tests.support.cached_answers import outcomes
from tests.support.client import GraphQLClient
from tests.support.factories import make_token, node_id
from tests.support.pipelines import watched_pipelines
from users.accounts.models import Profile, User

pytestmark = pytest.mark.usefixtures("transactional_db", "no_cached_answers")

ME: Final = "{ me { id name profile { bio } } }"
GRAPHQL_JSON: Final = "application/graphql-response+json"
NOT_MODIFIED: Final = HTTPStatus.NOT_MODIFIED


@pytest.fixture
def client(alice: User) -> GraphQLClient:
    return GraphQLClient(make_token(alice))


def get(client: GraphQLClient, query: str = ME, **headers: str) -> HttpResponseBase:
    """Send a query by GET."""
    headers = {"Authorization": f"Bearer {client.token}", "Accept": GRAPHQL_JSON} | headers
    return client.http.get(f"/graphql?{urlencode({'query': query})}", headers=headers)


def tag(client: GraphQLClient, **headers: str) -> str:
    """Return the entity tag of an answer."""
    return get(client, **headers)["ETag"]


def revalidated(client: GraphQLClient, etag: str, **headers: str) -> int:
    """Return the status of an answer that the client has with the tag."""
    return get(client, **{"If-None-Match": etag}, **headers).status_code


def test_answers_by_get_can_be_revalidated(client: GraphQLClient) -> None:
    first = get(client)
    assert first["Cache-Control"] == "private, no-cache"
    again = get(client, **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.getvalue()) == (NOT_MODIFIED, b"")
    kept = {"ETag", "Cache-Control", "Vary"}
    assert {name: again[name] for name in kept} == {name: first[name] for name in kept}
    assert not again.has_header("Content-Length")
    assert not again.has_header("Content-Type")


def test_other_origins_can_revalidate_if_they_are_allowed(
    client: GraphQLClient, settings: Any
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    etag = tag(client)
    for origin, is_allowed in (("https://app.example", True), ("https://evil.example", False)):
        response = get(client, **{"If-None-Match": etag, "Origin": origin})
        assert response.status_code == NOT_MODIFIED
        assert response.has_header("Access-Control-Allow-Origin") == is_allowed


def test_revalidation_takes_one_round_trip(client: GraphQLClient) -> None:
    # Prepares the statements as well.
    for _time in range(8):
        etag = tag(client)
    with watched_pipelines() as pipelines:
        assert outcomes(lambda: revalidated(client, etag)) == ["unchanged"]
    assert pipelines.sizes == [2]


def test_nothing_is_executed_for_an_unchanged_answer(client: GraphQLClient) -> None:
    etag = tag(client)
    ANSWERS.clear()
    assert outcomes(lambda: revalidated(client, etag)) == ["unchanged"]


def test_answers_are_not_cached_before_they_are_asked_for_again(client: GraphQLClient) -> None:
    assert outcomes(lambda: get(client)) == ["first"]
    assert [answer.data for answer in ANSWERS._values.values()] == [b""]  # noqa: SLF001 - no public name
    assert [outcomes(lambda: get(client)) for _time in range(2)] == [["miss"], ["hit"]]


def test_changed_answers_have_another_tag(alice: User, client: GraphQLClient) -> None:
    former = tag(client)
    Profile.objects.filter(user=alice).update(bio="New")
    response = get(client, **{"If-None-Match": former})
    assert response.status_code == HTTPStatus.OK
    assert b'"bio":"New"' in response.getvalue()
    assert response["ETag"] not in {"", former}


def test_tags_are_of_one_representation(alice: User, bob: User, client: GraphQLClient) -> None:
    """Other users, languages, media types and queries have tags of their own."""
    tags = {
        tag(client),
        tag(client, **{"Accept-Language": "de"}),
        tag(client, Accept="application/json"),
        tag(GraphQLClient(make_token(bob))),
        get(client, "{ me { id } }")["ETag"],
        get(client, f'{{ user(id: "{node_id(alice)}") {{ id }} }}')["ETag"],
    }
    assert len(tags) == 6


@pytest.mark.parametrize("form", ["{}", '"other", {}', '{}, W/"other"', " {} "])
def test_tags_of_the_client_are_read_as_http_defines(client: GraphQLClient, form: str) -> None:
    etag = tag(client)
    assert revalidated(client, form.format(etag)) == NOT_MODIFIED
    assert revalidated(client, form.format(etag.removeprefix("W/"))) == NOT_MODIFIED


@pytest.mark.parametrize(
    "header", ["", "*", '"other"', "W/", '"', "{", "\N{SNOWMAN}", '"x"' * 100_000, '"x",' * 240]
)
def test_unknown_tags_are_ignored(client: GraphQLClient, header: str) -> None:
    encoded = header.encode().decode("latin-1")
    assert revalidated(client, encoded) == HTTPStatus.OK


@pytest.mark.parametrize(
    "query",
    [
        "{ me { lastSeenAt } }",
        "{ users(first: 1) { nodes { id } } }",
        "{ me { memberships(first: 500) { nodes { role } } } }",
        "{ me { unknown } }",
        "{",
    ],
)
def test_other_answers_are_not_stored(client: GraphQLClient, query: str) -> None:
    response = get(client, query, **{"If-None-Match": "*"})
    assert response["Cache-Control"] == "no-store"
    assert not response.has_header("ETag")
    assert response.status_code != NOT_MODIFIED


def test_answers_by_post_are_not_stored(client: GraphQLClient) -> None:
    etag = tag(client)
    body = b'{"query": "%s"}' % ME.encode()
    for _time in range(3):
        answer = client.post(body, **{"If-None-Match": etag})
        assert (answer.status, answer.headers["Cache-Control"]) == (HTTPStatus.OK, "no-store")
        assert "ETag" not in answer.headers


def test_anonymous_answers_are_not_revalidated() -> None:
    anonymous = GraphQLClient()
    response = anonymous.http.get(f"/graphql?{urlencode({'query': ME})}")
    assert response["Cache-Control"] == "no-store"
    assert not response.has_header("ETag")


def test_mutations_by_get_are_refused(client: GraphQLClient) -> None:
    mutation = 'mutation { updateProfile(input: {bio: "x"}) { errors { code } } }'
    response = get(client, mutation, **{"If-None-Match": "*"})
    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert Profile.objects.filter(bio="x").count() == 0


def test_both_paths_answer_alike(client: GraphQLClient, settings: Any) -> None:
    etag = tag(client)
    found = []
    for is_fast in (True, False):
        settings.FAST_PATH = is_fast
        for headers in ({}, {"If-None-Match": etag}):
            response = get(client, **headers)
            ignored = {"X-Request-ID"}
            named = {k: v for k, v in response.headers.items() if k not in ignored}
            found.append((response.status_code, named, response.getvalue()))
    assert found[:2] == found[2:]
