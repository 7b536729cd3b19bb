"""What one allowed operation takes at most: rows, values, bytes, statements and calls.

docs/api.md states these bounds. With `-s`, the CPU seconds of each drawn operation are shown.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from itertools import islice
from types import FrameType
from typing import Any, Final

import orjson
import pytest
from django.contrib.auth.models import Group

from schema.documents.cost import MAX_ROWS, MAX_VALUES, VALUES_PER_POINT
from schema.documents.document import Document
from schema.http import introspection
from schema.http.execution import problems
from tests.support.client import GraphQLClient
from tests.support.expensive import expensive_operations
from tests.support.factories import make_crowd, make_organization
from users.accounts.models import User
from users.organizations.models import Membership, Organization

DOCUMENTS: Final = int(os.environ.get("DOCUMENTS", "10"))
SEED: Final = int(os.environ.get("SEED", "2026"))
SIZE: Final = 100
# Of a list: its rows, its count or a loader, and the objects below.
STATEMENTS_PER_LIST: Final = 3
# Of a value, in Python and C, and of an operation besides.
CALLS_PER_VALUE: Final = 30
CALLS: Final = 50_000


@pytest.fixture
def full(sam: User) -> User:
    """Fill pages: a hundred users, each a member of each of a hundred organisations."""
    first = make_organization("Organisation", sam)
    people = make_crowd(SIZE, organization=first, group=Group.objects.create(name="G"))
    others = Organization.objects.bulk_create(
        Organization(name=f"Organisation {number}") for number in range(SIZE - 1)
    )
    Membership.objects.bulk_create(
        Membership(organization=each, user=user) for each in others for user in people
    )
    return sam


def calls_of(function: Callable[[], Any]) -> int:
    """Return how many functions of Python and C a call calls."""
    calls = 0

    def count_call(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count_call)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


def test_most_expensive_operations_take_what_is_stated(
    full: User, client_of: Callable[[User], GraphQLClient], statements: Any, settings: Any
) -> None:
    settings.GRAPHQL_POINTS_PER_MINUTE = 0
    client = client_of(full)
    largest, fullest = 0, 0.0
    rng = random.Random(SEED)  # noqa: S311 - not a secret
    for operation in islice(expensive_operations(rng), DOCUMENTS):
        source, variables = operation.source, operation.variables
        cost = operation.formula.evaluate(variables)
        assert cost.rows <= MAX_ROWS
        assert cost.values <= MAX_VALUES
        with statements() as executed:
            answer = client(source, **variables)
        rows, values = count(answer.data)
        assert rows <= cost.rows, source
        assert values <= cost.values, source
        assert len(orjson.dumps(answer.body)) <= settings.GRAPHQL_MAX_RESPONSE_BYTES, source
        assert len(executed) <= 2 + STATEMENTS_PER_LIST * len(variables), source

        start = time.thread_time()
        client(source, **variables)
        seconds = time.thread_time() - start
        calls = calls_of(lambda: client(source, **variables))  # noqa: B023 - called at once
        assert calls <= CALLS + CALLS_PER_VALUE * cost.values, source
        print(f"{cost} {cost.points} points: {calls:,} calls, {seconds:.3f} s")  # noqa: T201
        largest = max(largest, cost.values)
        fullest = max(fullest, values / cost.values)
    # The bounds are reached.
    assert largest > MAX_VALUES - VALUES_PER_POINT
    assert fullest > 0.99


TYPE: Final = "name description fields { name description args { name type { name } } }"
SCHEMAS: Final = f"__schema {{ types {{ {TYPE} }} }}"
TYPES: Final = f'__type(name: "Mutation") {{ {TYPE} }}'


@pytest.mark.parametrize(
    "frame",
    [
        f"{{ {SCHEMAS} … }}",
        f"query ($no: Boolean = false) {{ {SCHEMAS} … b: __typename @skip(if: $no) }}",
        f"{{ {TYPES} … me {{ id }} }}",
    ],
    ids=["static", "with variables", "beside other fields"],
)
def test_largest_introspection_takes_what_is_stated(anonymous: GraphQLClient, frame: str) -> None:
    piece = TYPES if TYPES in frame else SCHEMAS
    pieces = [f"a{number}: {piece}" for number in range(8)]
    sources = [frame.replace("…", " ".join(pieces[:count])) for count in range(8, -1, -1)]
    source = next(each for each in sources if problems(Document(each)) == [])
    assert source != sources[0]
    prepared = Document(source)
    assert problems(prepared) == []
    formula = prepared.cost(None)
    assert formula is not None
    cost = formula.evaluate({})
    introspection.INTROSPECTIONS.clear()
    start = time.thread_time()
    assert anonymous(source).codes == []
    print(f"{cost} {cost.points} points: {time.thread_time() - start:.3f} s")  # noqa: T201
    introspection.INTROSPECTIONS.clear()
    assert calls_of(lambda: anonymous(source)) <= CALLS + CALLS_PER_VALUE * cost.values


def count(data: Any) -> tuple[int, int]:
    """Return the rows and the values of an answer."""
    rows = values = 0
    for key, value in data.items():
        items = value if isinstance(value, list) else [value]
        objects = [each for each in items if isinstance(each, dict)]
        values += max(1, len(objects))
        if key in {"nodes", "edges"}:
            rows += len(objects)
        for each in objects:
            below = count(each)
            rows += below[0]
            values += below[1]
    return rows, values
