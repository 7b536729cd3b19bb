"""The cost of an operation: a formula over its variables."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from schema.documents import cost
from schema.documents.cost import Cost
from schema.documents.document import Document
from schema.http.execution import problems
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.factories import make_token, node_id
from users.accounts.models import User

ClientOf = Callable[[User], GraphQLClient]

PAGE = "query ($n: Int) { users(first: $n) { nodes { id } } }"
DEFAULT = "query ($n: Int = 7) { users(first: $n) { nodes { id } } }"
EITHER = (
    "query ($first: Int, $last: Int) { users(first: $first, last: $last) { edges { cursor } } }"
)
NESTED = """query ($n: Int, $m: Int) {
  users(first: $n) { nodes { id memberships(first: $m) { nodes { role } } } } }"""
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
DEEP = """query ($n: Int) { users(first: $n) { nodes { memberships(first: $n) { nodes {
  organization { members(first: $n) { nodes { id } } } } } } } }"""


def evaluated(document: str, variables: dict[str, Any], name: str | None = None) -> Cost:
    prepared = Document(document)
    assert problems(prepared) == []
    formula = prepared.cost(name)
    assert formula is not None
    return formula.evaluate(variables)


@pytest.mark.parametrize(
    ("document", "variables", "rows"),
    [
        (PAGE, {"n": 2}, 2),
        (PAGE, {"n": 2.0}, 2),
        (PAGE, {"n": None}, 0),
        (PAGE, {}, 0),
        # What no page may have is an error later; it does not overflow.
        *((PAGE, {"n": size}, 100) for size in (101, -101, 2**31, -(2**63), 10**5_000, 1e308)),
        (PAGE, {"n": True}, 1),
        (PAGE, {"n": "many"}, 1),
        (PAGE, {"n": {}}, 1),
        (DEFAULT, {}, 7),
        (DEFAULT, {"n": 3}, 3),
        (DEFAULT, {"n": None}, 0),
        (EITHER, {"first": 5}, 5),
        (EITHER, {"first": None, "last": 6}, 6),
        ("query ($n: Int) { users(first: $n, last: null) { nodes { id } } }", {"n": 5}, 5),
        (NESTED, {"n": 3, "m": 5}, 3 * (1 + 5)),
        (NESTED, {"n": 3}, 3),
        (NESTED, {"m": 5}, 0),
        (NODES, {"ids": ["a", "b", "c"]}, 3),
        (NODES, {"ids": []}, 0),
        (NODES, {"ids": "a"}, 1),
        (NODES, {"ids": ["a"] * 5_000}, 100),
        (NODES.replace("!]!", '!] = ["a", "b"]'), {}, 2),
        ('query ($a: ID!) { nodes(ids: [$a, "b"]) { id } }', {"a": "a"}, 2),
        ('{ nodes(ids: "a") { id } }', {}, 1),
        (DEEP, {"n": 2}, 2 + 4 + 8),
        # A fragment counts for each spread, with the page sizes around it.
        (
            """query ($n: Int, $m: Int) { a: users(first: $n) { ...F } b: users(first: 3) { ...F } }
               fragment F on UserConnection { nodes { memberships(first: $m) { nodes { role } } } }
            """,
            {"n": 2, "m": 4},
            2 * 5 + 3 * 5,
        ),
        # A field that is selected twice counts once.
        (
            """query ($n: Int) { ...F ...F }
               fragment F on Query { users(first: $n) { nodes { id } } }""",
            {"n": 4},
            4,
        ),
        # An interface counts as the possible type with the most.
        (
            """query ($n: Int) { node(id: "a") {
                 ... on User { memberships(first: $n) { nodes { role } } }
                 ... on Organization { members(first: 10) { nodes { id } } } } }""",
            {"n": 0},
            10,
        ),
    ],
)
def test_page_sizes_in_variables_count_as_their_values(
    document: str, variables: dict[str, Any], rows: int
) -> None:
    assert evaluated(document, variables).rows == rows


@pytest.mark.parametrize("sizes", [(1, 1), (2, 7), (100, 100), (0, 3)])
def test_variables_cost_as_much_as_literals(sizes: tuple[int, int]) -> None:
    variables = dict(zip("nm", sizes, strict=True))
    literal = NESTED.replace("query ($n: Int, $m: Int)", "")
    for name, size in variables.items():
        literal = literal.replace(f"${name}", str(size))
    assert evaluated(NESTED, variables) == evaluated(literal, {})


@pytest.mark.parametrize(
    ("document", "points"),
    [
        ("{ users(first: 1) { nodes { id } } }", 1),
        ("{ users(first: 1) { totalCount { value } } }", 2),
        ('{ users(first: 1, search: "a", filter: {isStaff: true}) { nodes { id } } }', 3),
        (
            """{ a: users(first: 1, search: "a") { ...F } b: users(first: 1, search: "b") { ...F } }
               fragment F on UserConnection { totalCount { value } }""",
            5,
        ),
        (
            """{ node(id: "a") {
                 ... on User { memberships(first: 1) { totalCount { value } } }
                 ... on Organization { members(first: 1) { totalCount { value } } } } }""",
            2,
        ),
    ],
)
def test_searches_and_counts_cost_a_point_each(document: str, points: int) -> None:
    assert evaluated(document, {}).points == points


def test_operations_have_costs_of_their_own() -> None:
    document = "query A { users(first: 5) { nodes { id } } } query B($n: Int = 9) { ...F }"
    document += " fragment F on Query { users(first: $n) { nodes { id } } }"
    document = document.replace("query A {", "query A($n: Int = 3) { ...F b:")
    assert evaluated(document, {}, "A").rows == 3 + 5
    assert evaluated(document, {}, "B").rows == 9
    assert Document(document).cost("C") is None


def test_two_of_a_page_may_be_nested_as_deeply_as_their_rows_allow(
    client_of: ClientOf, sam: User, executor: Executor
) -> None:
    client = client_of(sam)
    assert executor(lambda: client(DEEP, n=2)).codes == []
    answer = executor(lambda: client(DEEP, n=100))
    assert answer.codes == ["PAGE_SIZES_EXCEEDED"]
    (error,) = answer.body["errors"]
    assert error["message"] == (
        "This operation has more than 20,000 rows, the product of its page sizes."
        " Request smaller pages."
    )
    assert "data" not in answer.body


def test_limits_on_variables_are_exact(client_of: ClientOf, sam: User) -> None:
    client = client_of(sam)
    rows = "users(first: $n) { nodes { memberships(first: $m) { pageInfo { hasNextPage } } } }"
    twice = f"query ($n: Int, $m: Int) {{ a: {rows} b: {rows} }}"
    assert evaluated(twice, {"n": 100, "m": 99}).rows == cost.MAX_ROWS
    assert client(twice, n=100, m=99).codes == []
    assert client(twice, n=100, m=100).codes == ["PAGE_SIZES_EXCEEDED"]


def test_values_in_variables_are_limited(client_of: ClientOf, sam: User) -> None:
    fields = "id username name email isPublic isService isActive dateJoined lastSeenAt erasedAt"
    document = f"""query ($n: Int) {{ users(first: 100) {{ nodes {{
      memberships(first: $n) {{ nodes {{ user {{ {fields} }} }} }} }} }} }}"""
    client = client_of(sam)
    assert client(document, n=80).codes == []
    answer = client(document, n=90)
    assert answer.codes == ["VALUES_EXCEEDED"]
    assert "Request smaller pages or fewer fields." in answer.body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (0, "ARGUMENT_INVALID"),
        (101, "ARGUMENT_INVALID"),
        (2**31 - 1, "ARGUMENT_INVALID"),
        (-(2**31), "ARGUMENT_INVALID"),
        (2**31, "GRAPHQL_VARIABLES_INVALID"),
        (2**63, "GRAPHQL_VARIABLES_INVALID"),
        (10**400, "BAD_REQUEST"),
        ("2", "GRAPHQL_VARIABLES_INVALID"),
        (None, "ARGUMENT_INVALID"),
    ],
)
def test_page_size_out_of_range_is_the_usual_error(
    client_of: ClientOf, sam: User, executor: Executor, size: Any, code: str
) -> None:
    client = client_of(sam)
    body = json.dumps({"query": PAGE, "variables": {"n": size}})
    answer = executor(lambda: client.post(body))
    assert answer.codes == [code]


def test_refused_variables_cost_one_point(alice: User, settings: Any) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = 3
    client = GraphQLClient(make_token(alice))
    for _time in range(3):
        assert client(DEEP, n=100).codes == ["PAGE_SIZES_EXCEEDED"]
    assert client(DEEP, n=100).codes == ["RATE_LIMITED"]


def test_ids_are_counted(client_of: ClientOf, sam: User) -> None:
    ids = [node_id(sam)] * 3
    body = {"query": NODES, "variables": {"ids": ids}, "extensions": {"cost": True}}
    answer = client_of(sam).post(json.dumps(body))
    assert len(answer.data["nodes"]) == 3
    assert answer.body["extensions"]["cost"]["requested"] == 1


def test_formula_of_many_variables_is_small() -> None:
    """As many page sizes as the limit on aliases allows."""
    names = [f"v{number}" for number in range(10)]
    lists = " ".join(f"{name}: users(first: ${name}) {{ ...F }}" for name in names[:7])
    inner = " ".join(
        f"{name}: memberships(first: ${name}) {{ nodes {{ role }} }}" for name in names[7:10]
    )
    declared = " ".join(f"${name}: Int" for name in names)
    document = (
        f"query ({declared}) {{ {lists} }} fragment F on UserConnection {{ nodes {{ {inner} }} }}"
    )
    prepared = Document(document)
    assert problems(prepared) == []
    formula = prepared.cost(None)
    assert formula is not None
    # One term for each path.
    assert len(formula._terms) == 7 * (1 + 3)  # noqa: SLF001 - what evaluation takes
    assert formula.evaluate(dict.fromkeys(names, 1)).rows == 7 * (1 + 3)
    assert formula.size < prepared.size
