"""What clients see of costs: `extensions.cost`, `rateLimit` and `Retry-After`."""

import datetime as dt
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from schema.documents.budget import CLIENTS
from schema.http.answers.cached import ANSWERS
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import make_api_token, make_token
from users.accounts.models import User
from users.scopes import Scope

ClientOf = Callable[[User], GraphQLClient]

LIMIT = 1_000
ME = "{ me { id username } }"
TEN = "{ users(first: 10) { nodes { memberships(first: 100) { nodes { role } } } } }"
RATE_LIMIT = "{ rateLimit { limit remaining resetAt cost } }"


@pytest.fixture(autouse=True)
def _limit(settings: Any) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = LIMIT


@pytest.fixture(params=[True, False], ids=["fast path", "Django"])
def _both_paths(request: pytest.FixtureRequest, settings: Any) -> None:
    settings.FAST_PATH = request.param


def ask(client: GraphQLClient, query: str, extensions: Any = None, **variables: Any) -> Any:
    body: dict[str, Any] = {"query": query, "variables": variables}
    if extensions is not None:
        body["extensions"] = extensions
    return client.post(json.dumps(body))


COST = {"cost": True}


@pytest.mark.usefixtures("_both_paths")
def test_cost_is_reported_on_request(client_of: ClientOf, alice: User, executor: Executor) -> None:
    client = client_of(alice)
    assert "extensions" not in executor(lambda: ask(client, TEN)).body
    spent = LIMIT - ask(client, ME, COST).body["extensions"]["cost"]["remaining"]

    before = timezone.now()
    answer = executor(lambda: ask(client, TEN, COST))

    cost = answer.body["extensions"]["cost"]
    assert (cost["requested"], cost["limit"]) == (11, LIMIT)
    # Points leak meanwhile, at 17 per second.
    assert LIMIT - spent - 11 <= cost["remaining"] <= LIMIT - 11
    reset_at = dt.datetime.fromisoformat(cost["resetAt"])
    assert before.replace(microsecond=0) <= reset_at <= timezone.now() + dt.timedelta(seconds=5)
    assert answer.body["data"] == ask(client, TEN).body["data"]


@pytest.mark.parametrize("extensions", [{}, {"cost": False}, {"cost": 1}, {"other": True}, None])
def test_cost_is_not_reported_without_request(
    client_of: ClientOf, alice: User, extensions: Any
) -> None:
    assert "extensions" not in ask(client_of(alice), ME, extensions).body


def test_cost_is_reported_for_queries_by_get(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    parameters = urlencode({"query": ME, "extensions": json.dumps(COST)})
    token = {"Authorization": f"Bearer {client.token}"}
    response = client.http.get(f"/graphql?{parameters}", headers=token)
    assert response.json()["extensions"]["cost"]["requested"] == 1


def test_cached_answers_are_the_same_bytes_with_cost(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    ANSWERS.clear()
    for _time in range(2):
        ask(client, ME)
    cached = len(ANSWERS), ANSWERS.size
    reported, plain = ask(client, ME, COST), ask(client, ME)
    assert (len(ANSWERS), ANSWERS.size) == cached
    assert reported.body.pop("extensions")["cost"]["requested"] == 1
    assert reported.body == plain.body


def test_cost_of_refused_variables_is_reported(client_of: ClientOf, sam: User) -> None:
    document = """query ($n: Int) { users(first: $n) { nodes { memberships(first: $n) { nodes {
      organization { members(first: $n) { nodes { id } } } } } } } }"""
    answer = ask(client_of(sam), document, COST, n=100)
    assert answer.codes == ["PAGE_SIZES_EXCEEDED"]
    cost = answer.body["extensions"]["cost"]
    assert cost["requested"] == 1 + (100 + 100**2 + 100**3) // 100
    # It costs the point of the request.
    assert cost["remaining"] >= LIMIT - 1


def test_cost_is_reported_without_a_limit(client_of: ClientOf, alice: User, settings: Any) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = 0
    answer = ask(client_of(alice), TEN, COST)
    none = dict.fromkeys(["limit", "remaining", "resetAt"])
    assert answer.body["extensions"]["cost"] == {"requested": 11, **none}
    assert client_of(alice)(RATE_LIMIT).data == {"rateLimit": None}


def test_rate_limit_is_that_of_the_client(
    client_of: ClientOf, alice: User, bob: User, executor: Executor
) -> None:
    alices = client_of(alice)
    for _time in range(20):
        assert alices(TEN).codes == []
    clients = {
        "alice": alices,
        "bob": client_of(bob),
        "token": GraphQLClient(make_api_token(alice, Scope.PROFILE_READ)),
        "anonymous": GraphQLClient(),
    }
    found = {
        name: executor(partial(each, RATE_LIMIT)).data["rateLimit"]
        for name, each in clients.items()
    }
    assert {(each["limit"], each["cost"]) for each in found.values()} == {(LIMIT, 1)}
    remaining = {name: each["remaining"] for name, each in found.items()}
    alices_remaining = remaining.pop("alice")
    assert set(remaining.values()) == {LIMIT - 1}
    assert alices_remaining < LIMIT - 100
    # Another session is the same client.
    other = GraphQLClient(make_token(alice))(RATE_LIMIT).data["rateLimit"]
    assert other["remaining"] < LIMIT - 100


def test_rate_limit_counts_the_cost_of_its_operation(client_of: ClientOf, sam: User) -> None:
    document = "query ($n: Int) { rateLimit { cost remaining } users(first: $n) { nodes { id } } }"
    found = client_of(sam)(document, n=100).data["rateLimit"]
    assert found == {"cost": 2, "remaining": LIMIT - 2}


def test_rate_limit_shows_what_other_processes_counted(client_of: ClientOf, alice: User) -> None:
    client = client_of(alice)
    for _time in range(20):
        client(TEN)
    client(RATE_LIMIT)
    # As in another process, whose memory has nothing of it.
    CLIENTS.clear()
    assert client(RATE_LIMIT).data["rateLimit"]["remaining"] < LIMIT - 100


def test_other_process_refuses_an_exhausted_client(
    client_of: ClientOf, alice: User, settings: Any
) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = 6
    client = client_of(alice)
    assert client(TEN).codes == []
    CLIENTS.clear()
    answer = client(ME)
    assert (answer.status, answer.codes) == (429, ["RATE_LIMITED"])


def test_points_are_counted_while_redis_fails(
    client_of: ClientOf, alice: User, settings: Any, tmp_path: Any
) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock"
    settings.GRAPHQL_POINTS_PER_MINUTE = 6
    client = client_of(alice)
    assert client(TEN).codes == []
    CLIENTS.clear()
    assert client(ME).codes == ["RATE_LIMITED"]


def test_process_counts_alone_while_both_stores_fail(
    client_of: ClientOf, alice: User, settings: Any, tmp_path: Any
) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock"
    settings.GRAPHQL_POINTS_PER_MINUTE = 6

    def failing(execute: Any, sql: str, *more: Any) -> Any:
        if "ratelimit_storedbucket" in sql:
            raise OperationalError
        return execute(sql, *more)

    client = client_of(alice)
    with connection.execute_wrapper(failing):
        assert client(TEN).codes == []
        assert client(ME).codes == ["RATE_LIMITED"]
        CLIENTS.clear()
        assert client(ME).codes == []


@pytest.mark.usefixtures("_both_paths")
def test_retry_after_is_a_header_too(anonymous: GraphQLClient) -> None:
    document = """mutation { logIn(input: {login: "alice@example.org", password: "wrong"}) {
      errors { code } } }"""
    answers = [anonymous(document) for _time in range(30)]
    refused = next(each for each in answers if each.codes == ["TOO_MANY_ATTEMPTS"])
    (error,) = refused.body["errors"]
    assert refused.headers["Retry-After"] == str(error["extensions"]["retryAfter"])
    assert "Retry-After" not in answers[0].headers
