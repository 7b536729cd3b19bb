"""Batches: several operations in one request."""

import json
from typing import Any, Final

import pytest

from schema.http.answers.repeated import REQUESTS
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import PASSWORD, make_token
from tests.support.pipelines import watched_pipelines
from users.accounts.models import User

pytestmark = pytest.mark.usefixtures("path", "five")

ME: Final = {"query": "{ me { username } }"}
NODE: Final = {"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": "?"}}
LOG_OUT: Final = {"query": "mutation { logOut { errors { code } } }"}
LOG_IN: Final = {
    "query": """mutation ($password: String!) {
      logIn(input: {login: "alice", password: $password, transport: COOKIE}) { errors { code } }
    }""",
    "variables": {"password": PASSWORD},
}


@pytest.fixture
def five(settings: Any) -> None:
    """Allow five operations."""
    settings.BATCH_MAX = 5


@pytest.fixture
def client(alice: User) -> GraphQLClient:
    return GraphQLClient(make_token(alice))


def send(client: GraphQLClient, *operations: Any, **headers: str) -> Answer:
    return client.post(json.dumps(operations), **headers)


def answers(found: Answer) -> list[dict[str, Any]]:
    body: Any = found.body
    assert isinstance(body, list)
    return body


def codes(found: Answer) -> list[list[str]]:
    return [
        [error["extensions"]["code"] for error in each.get("errors", [])] for each in answers(found)
    ]


def test_each_operation_is_answered_as_if_alone(client: GraphQLClient) -> None:
    operations: list[Any] = [ME, NODE, {"query": "{ nothing }"}, 7, {"query": ""}]
    found = send(client, *operations)
    assert found.status == 200
    assert answers(found) == [client.post(json.dumps(each)).body for each in operations]
    assert found.headers["Content-Type"].startswith("application/json")
    assert found.headers["Cache-Control"] == "no-store"


def test_batches_are_not_allowed_by_default(client: GraphQLClient, settings: Any) -> None:
    settings.BATCH_MAX = 0
    found = send(client, ME)
    assert (found.status, found.codes) == (400, ["BAD_REQUEST"])
    assert "by itself" in found.body["errors"][0]["message"]


@pytest.mark.parametrize("number", [0, 6, 2_000])
def test_number_of_operations_is_bounded(client: GraphQLClient, number: int) -> None:
    found = send(client, *[ME] * number)
    assert (found.status, found.codes) == (400, ["BAD_REQUEST"])
    assert "1 to 5 operations" in found.body["errors"][0]["message"]


def test_list_that_is_no_json_is_refused(client: GraphQLClient) -> None:
    found = client.post('  [{"query": "{ me { id } }"},')
    assert (found.status, found.codes) == (400, ["BAD_REQUEST"])


def test_status_of_all_answers_is_that_of_the_batch() -> None:
    refused = send(GraphQLClient("x.y.z"), ME, ME)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert codes(refused) == [["UNAUTHENTICATED"]] * 2
    assert send(GraphQLClient("x.y.z"), ME, {"query": "{ settings { signUp } }"}).status == 200
    response = GraphQLClient().http.generic(
        "POST",
        "/graphql",
        json.dumps([ME, ME]),
        "application/json",
        headers={"Accept": "image/png"},
    )
    assert response.status_code == 406


def test_each_operation_is_charged(client: GraphQLClient, settings: Any) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = 3
    found = send(client, ME, ME, ME, ME)
    assert codes(found) == [[], [], [], ["RATE_LIMITED"]]
    assert found.status == 200
    assert 1 <= int(found.headers["Retry-After"]) <= 20


def test_answer_is_bounded_as_a_whole(client: GraphQLClient, settings: Any) -> None:
    alone = len(json.dumps(client.post(json.dumps(ME)).body, separators=(",", ":")))
    settings.GRAPHQL_MAX_RESPONSE_BYTES = 2 * alone + 10
    assert codes(send(client, ME, ME, ME)) == [[], [], ["RESPONSE_TOO_LARGE"]]


def test_operations_see_what_the_former_ones_did(client: GraphQLClient) -> None:
    found = send(client, ME, LOG_OUT, ME)
    assert [each["data"]["me"] for each in answers(found)[::2]] == [{"username": "alice"}, None]
    assert send(client, ME).status == 401


def test_cookies_are_set(alice: User, settings: Any) -> None:
    client = GraphQLClient()
    found = send(client, ME, LOG_IN, ME)
    assert [each["data"]["me"] for each in answers(found)[::2]] == [None, {"username": "alice"}]
    assert client.http.cookies[settings.SESSION_COOKIE].value
    assert client.post(json.dumps(ME)).data == {"me": {"username": "alice"}}


@pytest.mark.usefixtures("transactional_db")
def test_body_of_a_get_is_ignored(client: GraphQLClient) -> None:
    headers = {"Authorization": f"Bearer {client.token}"}

    def get(**more: str) -> Any:
        return client.http.generic(
            "GET",
            "/graphql",
            json.dumps([ME, ME]),
            "application/json",
            query_params=ME,
            headers=headers | more,
        )

    found = get()
    assert found.json() == {"data": {"me": {"username": "alice"}}}
    assert get(**{"If-None-Match": found["ETag"]}).status_code == 304


@pytest.mark.usefixtures("transactional_db")
def test_batches_are_parsed_each_time(client: GraphQLClient) -> None:
    REQUESTS.clear()
    for _time in range(5):
        assert codes(send(client, ME, ME)) == [[], []]
    assert len(REQUESTS) == 0
    with watched_pipelines() as pipelines:
        send(client, ME, ME)
    # The session's statement precedes the first operation only.
    assert pipelines.sizes == [2]
