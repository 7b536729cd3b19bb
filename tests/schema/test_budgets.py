"""The rate limit: points per client and minute."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from core.ratelimit import in_memory
from core.ratelimit.in_memory import MemoryBuckets
from schema.documents import budget
from schema.documents.document import Document
from schema.http.execution import problems
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import make_api_token, make_token
from users.accounts.models import User
from users.scopes import Scope

ClientOf = Callable[[User], GraphQLClient]
JSON = "application/graphql-response+json"

ME = "{ me { id } }"
FIELDS = "id username name email isPublic isService isActive dateJoined lastSeenAt erasedAt a: id"


@pytest.fixture
def three(settings: Any) -> None:
    """Give every client three points a minute."""
    settings.GRAPHQL_POINTS_PER_MINUTE = 3


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("accept", ["application/json", JSON])
def test_exceeded_budget_sets_retry_after(client_of: ClientOf, alice: User, accept: str) -> None:
    client = client_of(alice)
    for _number in range(3):
        assert client(ME).codes == []
    answer = client.post(b'{"query": "{ me { id } }"}', Accept=accept)
    assert answer.status == 429
    (error,) = answer.body["errors"]
    assert "data" not in answer.body
    assert error["extensions"]["code"] == "RATE_LIMITED"
    # A point leaks away in 20 seconds.
    assert 1 <= error["extensions"]["retryAfter"] <= 20
    assert answer.headers["Retry-After"] == str(error["extensions"]["retryAfter"])
    assert answer.headers["Content-Type"].startswith(accept)


@pytest.mark.usefixtures("three")
def test_budgets_are_per_user_token_or_network(alice: User, bob: User) -> None:
    alices = GraphQLClient(make_token(alice))
    for _number in range(3):
        assert alices(ME).codes == []
    # Another session of the same user is the same client.
    assert GraphQLClient(make_token(alice))(ME).codes == ["RATE_LIMITED"]
    assert GraphQLClient(make_token(bob))(ME).codes == []
    assert GraphQLClient(make_api_token(alice, Scope.PROFILE_READ))(ME).codes == []
    anonymous = GraphQLClient()
    for _number in range(3):
        assert anonymous("{ __typename }").codes == []
    assert anonymous("{ __typename }").codes == ["RATE_LIMITED"]
    anonymous.http.defaults["REMOTE_ADDR"] = "192.0.2.1"
    assert anonymous("{ __typename }").codes == []


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"query": "{"}', b'{"query": "{ nothing }"}'])
def test_invalid_requests_cost_one_point(anonymous: GraphQLClient, body: bytes) -> None:
    for _number in range(3):
        assert anonymous.post(body).codes != ["RATE_LIMITED"]
    assert anonymous.post(body).codes == ["RATE_LIMITED"]


@pytest.mark.parametrize(
    ("document", "points"),
    [
        ("{ __typename }", 1),
        ("{ users(first: 99) { nodes { id } } }", 1),
        ("{ users(first: 100) { nodes { id } } }", 2),
        ("{ users(first: 10) { nodes { memberships(first: 100) { nodes { role } } } } }", 11),
        ("query A { me { id } } query B { users(first: 100) { nodes { id } } }", 2),
        # 250 values cost as much as 100 rows.
        ("{ users(first: 23) { nodes { " + FIELDS + " } } }", 2),
    ],
)
def test_rows_and_values_cost_points(document: str, points: int) -> None:
    prepared = Document(document)
    assert problems(prepared) == []
    formula = prepared.cost("B" if "query B" in document else None)
    assert formula is not None
    assert formula.evaluate({}).points == points


def test_expensive_request_is_paid_off_later(
    client_of: ClientOf, alice: User, executor: Executor, settings: Any
) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = 6
    client = client_of(alice)
    document = "{ users(first: 10) { nodes { memberships(first: 100) { nodes { role } } } } }"
    assert executor(lambda: client(document)).codes == []
    answer = client(ME)
    assert answer.codes == ["RATE_LIMITED"]
    # 11 points are spent; 6 of the 12 must leak first, at 10 seconds each.
    assert 20 < answer.body["errors"][0]["extensions"]["retryAfter"] <= 60


def test_budget_can_be_off(client_of: ClientOf, alice: User, settings: Any) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = 0
    client = client_of(alice)
    for _number in range(5):
        assert client(ME).codes == []
    assert len(budget.CLIENTS) == 0


def test_budget_is_counted_without_a_statement_or_redis(
    client_of: ClientOf, alice: User, settings: Any, statements: Any
) -> None:
    client = client_of(alice)
    client(ME)
    with statements() as found:
        client(ME)
    settings.GRAPHQL_POINTS_PER_MINUTE = 0
    with statements() as without:
        client(ME)
    assert len(found) == len(without)


def test_buckets_are_those_of_the_clients_seen_last() -> None:
    buckets = MemoryBuckets(2)

    def fill(subject: str) -> float:
        return buckets.fill(subject, interval=60, capacity=60)

    assert [fill("a"), fill("b")] == [0, 0]
    assert fill("a") > 0
    assert fill("c") == 0
    assert len(buckets) == 2
    assert fill("b") > 0
    # The evicted client starts with a full budget.
    assert fill("a") == 0


@pytest.mark.parametrize("exponent", range(8, 24))
def test_first_point_of_a_bucket_of_one_is_never_refused(
    exponent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums of times are rounded, most of all where the next power of two begins."""
    for number in range(1_000):
        now = 2.0**exponent - 60 * number / 1_000
        monkeypatch.setattr(in_memory, "monotonic", partial(float, now))
        assert MemoryBuckets(1).fill("client", interval=60.0, capacity=60.0) == 0
