"""Compares the responses of every type for every client with hand-written ones.

Both executors use the same querysets, so comparing them with each other would miss shared errors.
The tables are in `tests.schema.answers`; a type or field without a case fails.
"""

import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import (
    FieldNode,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    get_named_type,
    parse,
)

from tests.schema.answers import CASES
from tests.schema.answers.cases import ACTORS, Case
from tests.schema.answers.cast import FOREVER, Cast
from tests.support.client import GraphQLClient
from tests.support.executors import Executor
from tests.support.tables.authorization.arguments import STRUCTURE

SCHEMA: Any = build_schema(
    (Path(__file__).parents[2] / "schema.graphql").read_text(encoding="utf-8")
)
# These change with time: tests/schema/test_cost_reports.py and tests/jobs/test_jobs.py cover them.
CHANGING: Final = {"RateLimit", "rateLimit", "estimatedEnd"}
# Fields of each type that carry data.
FIELDS: Final[dict[str, set[str]]] = {
    name: set(type_.fields) - CHANGING
    for name, type_ in SCHEMA.type_map.items()
    if isinstance(type_, GraphQLObjectType)
    and not name.startswith("__")
    and not name.endswith(STRUCTURE)
    and name not in CHANGING
}


@pytest.mark.rows(build=Cast)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_answers_match_the_table(
    rows_of_test: Cast, db: None, executor: Executor, settings: Any, case: Case
) -> None:
    # For all clients, and for none.
    settings.SECOND_FACTOR, settings.SECOND_FACTOR_SINCE = "all", FOREVER
    cast = rows_of_test
    question = cast.filled(case.question)
    for actor in ACTORS:
        client = GraphQLClient(cast.tokens[actor])
        answer = executor(partial(client, question), is_anonymous=actor == "anonymous")
        expected = json.loads(cast.filled(json.dumps(case.body_for(actor))))
        assert (answer.status, answer.body) == (200, expected), actor


# The tables are complete -----------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.about)
def test_every_case_has_one_answer_per_client(case: Case) -> None:
    assert Counter(" ".join(case.answers).split()) == Counter(ACTORS)


def test_every_field_has_a_readable_case() -> None:
    covered: dict[str, set[str]] = {name: set() for name in FIELDS}
    for type_name, fields in expected_objects():
        if type_name in FIELDS:
            covered[type_name] |= {name for name, value in fields.items() if value is not None}
    assert {name: FIELDS[name] - fields for name, fields in covered.items()} == {
        name: set() for name in FIELDS
    }


def test_every_type_has_a_complete_case() -> None:
    whole = {
        type_name
        for type_name, fields in expected_objects()
        if FIELDS.get(type_name, {""}) <= set(fields)
    }
    # The root types have no case.
    assert whole == set(FIELDS) - {"Query"}


def expected_objects() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of the expected responses: type, and fields with values."""
    for case in CASES:
        (operation,) = parse(case.question).definitions
        assert isinstance(operation, OperationDefinitionNode)
        for actor in ACTORS:
            yield from objects("Query", operation.selection_set, case.body_for(actor)["data"])


def objects(
    type_name: str, selected: SelectionSetNode, data: Any
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield an object and those nested in it."""
    if isinstance(data, list):
        for item in data:
            yield from objects(type_name, selected, item)
    elif data is not None:
        for selection in selected.selections:
            if isinstance(selection, InlineFragmentNode) and selection.type_condition:
                condition = selection.type_condition.name.value
                if data.get("__typename", condition) == condition:
                    yield from objects(condition, selection.selection_set, data)
            elif isinstance(selection, FieldNode) and selection.selection_set:
                name = selection.name.value
                inner = get_named_type(SCHEMA.type_map[type_name].fields[name].type)
                yield from objects(inner.name, selection.selection_set, data[name])
        yield type_name, data
