"""Variables that are large within the bound of the body: refused, in bounded time."""

import time
from typing import Any, Final

import orjson
import pytest

from schema.documents.limits import MAX_OBJECTS
from tests.support.client import GraphQLClient

# CPU seconds; the documents' bound, for slow machines.
MAX_SECONDS: Final = 1.0
LOG_IN: Final = "mutation ($v: LogInInput!) { logIn(input: $v) { errors { code } } }"
FILTERED: Final = "query ($v: UserFilter) { users(first: 1, filter: $v) { nodes { id } } }"
GROUPED: Final = "mutation ($v: CreateUserInput!) { createUser(input: $v) { errors { code } } }"

HOSTILE: Final[dict[str, tuple[str, Any, str]]] = {
    "unknown fields": (LOG_IN, {f"k{n}": 1 for n in range(9_000)}, "GRAPHQL_VARIABLES_INVALID"),
    "unknown filters": (FILTERED, {f"k{n}": 1 for n in range(9_000)}, "GRAPHQL_VARIABLES_INVALID"),
    "bad ids": (GROUPED, {"groupIds": [[]] * 19_000}, "GRAPHQL_VARIABLES_INVALID"),
    "empty filters": (FILTERED, {"and": [{}] * 30_000}, "VARIABLES_TOO_LARGE"),
    "as many filters as possible": (FILTERED, {"or": [{}] * (MAX_OBJECTS - 2)}, "UNAUTHENTICATED"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.usefixtures("path")
def test_adversarial_variables_are_refused_quickly(anonymous: GraphQLClient, name: str) -> None:
    document, value, code = HOSTILE[name]
    body = orjson.dumps({"query": document, "variables": {"v": value}})
    taken = []
    for _time in range(2):
        before = time.thread_time()
        answer = anonymous.post(body)
        taken.append(time.thread_time() - before)
        assert set(answer.codes) == {code}
    assert min(taken) < MAX_SECONDS


@pytest.mark.parametrize("objects", [MAX_OBJECTS - 1, MAX_OBJECTS])
def test_bound_of_objects_is_exact(anonymous: GraphQLClient, objects: int) -> None:
    """The variables themselves are one of the objects."""
    answer = anonymous("query ($v: JSON) { __typename @skip(if: false) }", v=[{}] * objects)
    assert ("VARIABLES_TOO_LARGE" in answer.codes) is (objects >= MAX_OBJECTS)


@pytest.mark.parametrize(
    "document",
    [
        'query ($v: ID = "x") { user(id: $v) { username } }',
        "query ($v: UserOrderField) { users(first: 1, orderBy: {field: $v}) { nodes { id } } }",
        """mutation ($v: String = "x") {
          logIn(input: {login: $v, password: "y"}) { errors { code } }
        }""",
    ],
)
def test_null_for_a_variable_with_a_default_is_the_clients_error(
    anonymous: GraphQLClient, document: str
) -> None:
    codes = anonymous(document, v=None).codes
    assert codes
    assert "INTERNAL_ERROR" not in codes
