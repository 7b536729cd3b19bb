"""Introspection: limits, cache and access control."""

import json
import re
from collections.abc import Callable
from typing import Any, cast

import pytest
from graphql import get_introspection_query, graphql_sync, parse

from schema.documents import document as documents
from schema.documents import limits, weights
from schema.documents.document import Document
from schema.http import introspection
from schema.http.execution import problems
from schema.root import schema
from tests.support.client import GraphQLClient
from tests.support.documents import SCHEMA
from tests.support.factories import make_api_token
from users.accounts.models import User
from users.scopes import Scope

ClientOf = Callable[[User], GraphQLClient]

# Deprecated elements always count.
ALL = r"\1(includeDeprecated: true) {"
EVERYTHING = get_introspection_query(
    descriptions=True,
    specified_by_url=True,
    directive_is_repeatable=True,
    schema_description=True,
    input_value_deprecation=True,
    one_of=True,
)
TYPES = "types { name fields { name args { name type { name } } type { name } } }"


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the documents that Strawberry executes, with an empty cache."""
    done: list[str] = []
    original = schema.execute_sync

    def execute_sync(source: str, **keywords: Any) -> Any:
        done.append(source)
        return original(source, **keywords)

    monkeypatch.setattr(schema, "execute_sync", execute_sync)
    introspection.INTROSPECTIONS.clear()
    return done


def count(data: Any) -> int:
    """Return the number of nested values: leaves, objects, nulls and empty lists."""
    total = 0
    for value in data.values():
        items = value if isinstance(value, list) else [value]
        objects = [each for each in items if isinstance(each, dict)]
        total += max(1, len(objects)) + sum(map(count, objects))
    return total


MUCH = "fields { name description args { name description type { name kind ofType { name } } } }"


@pytest.mark.parametrize(
    "document",
    [
        "{ __schema { " + " ".join(f"a{number}: {TYPES}" for number in range(12)) + " } }",
        "{ " + " ".join(f"a{number}: __schema {{ {TYPES} }}" for number in range(10)) + " }",
        "{ __schema { ...F } b: __schema { ...F c: types { ...G } } }"
        " fragment F on __Schema { types { ...G } d: types { ...G } e: types { ...G }"
        " f: types { ...G } }"
        " fragment G on __Type { " + MUCH + " }",
        # A variable may name the largest type.
        "query ($n: String!) { "
        + " ".join(f"a{number}: __type(name: $n) {{ ...F }}" for number in range(10))
        + f" }} fragment F on __Type {{ {MUCH} b: {MUCH} c: {MUCH} }}",
    ],
)
def test_large_introspection_is_refused(
    anonymous: GraphQLClient, executions: list[str], document: str
) -> None:
    answer = anonymous(document, n="User")
    assert answer.codes == ["VALUES_EXCEEDED"]
    assert "Select less of the schema at once." in answer.body["errors"][0]["message"]
    assert introspection.INTROSPECTIONS.size == 0


@pytest.mark.parametrize(
    "selection",
    [
        TYPES,
        "directives { name args { name type { name ofType { name } } } }",
        "types { enumValues { name } inputFields { name } interfaces { name } }",
        "types { possibleTypes { fields { args { name } } } }",
        "queryType { fields { args { type { inputFields { name } } } } }",
    ],
)
def test_values_are_counted_as_they_are(monkeypatch: pytest.MonkeyPatch, selection: str) -> None:
    document = (
        "{ __schema { " + re.sub("(fields|args|enumValues|inputFields) {", ALL, selection) + " } }"
    )
    returned = graphql_sync(schema._schema, document).data  # noqa: SLF001 - no public name
    values = count(cast("dict[str, Any]", returned)["__schema"])
    for limit, codes in ((values, []), (values - 1, ["VALUES_EXCEEDED"])):
        monkeypatch.setattr(weights, "MAX_INTROSPECTION", limit)
        errors = limits.check_document(SCHEMA, parse(document)).errors
        assert [error.extensions["code"] for error in errors if error.extensions] == codes


def test_every_introspection_field_is_covered(
    anonymous: GraphQLClient, executions: list[str]
) -> None:
    first, second = (anonymous(EVERYTHING) for _time in range(2))
    assert first.body == second.body
    assert first.data == graphql_sync(schema._schema, EVERYTHING).data  # noqa: SLF001
    assert executions == []
    assert 0 < introspection.INTROSPECTIONS.size <= introspection.INTROSPECTIONS.max_size


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("{ __schema { queryType { name } } me { id } }", ({}, {})),
        ('{ __type(name: "User", nope: 1) { name } }', ({}, {})),
    ],
)
def test_answers_that_may_change_are_not_cached(
    anonymous: GraphQLClient,
    executions: list[str],
    document: str,
    variables: tuple[dict[str, str], dict[str, str]],
) -> None:
    for given in variables:
        anonymous(document, **given)
    assert executions == [document] * 2
    assert introspection.INTROSPECTIONS.size == 0


def test_introspection_with_variables_needs_no_executor(
    anonymous: GraphQLClient, executions: list[str]
) -> None:
    document = """query ($n: String!, $all: Boolean = true, $no: Boolean!) {
      __type(name: $n) { name fields(includeDeprecated: $all) { name } kind @skip(if: $no) } }"""
    for name in ("User", "Query", "Nothing"):
        for variables in ({"n": name, "no": True}, {"n": name, "no": False, "all": False}):
            expected = graphql_sync(SCHEMA, document, variable_values=variables)
            assert anonymous(document, **variables).data == expected.data
    assert executions == []
    assert introspection.INTROSPECTIONS.size == 0
    # The executor reports errors.
    answer = anonymous(document, n=1, no=True)
    assert answer.codes == ["GRAPHQL_VARIABLES_INVALID"]
    assert executions == [document]


def test_introspection_beside_other_fields_counts_tenfold(
    anonymous: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = "{ … __schema { types { name } } }"
    # Each type, and its name.
    values = 2 * len(SCHEMA.type_map)
    monkeypatch.setattr(weights, "MAX_INTROSPECTION", 10 * values)
    assert anonymous(document.replace("…", "me { id }")).codes == []
    monkeypatch.setattr(weights, "MAX_INTROSPECTION", 10 * values - 1)
    documents.DOCUMENTS.clear()
    assert anonymous(document.replace("…", "")).codes == []
    answer = anonymous(document.replace("…", "me { id }"))
    assert answer.codes == ["VALUES_EXCEEDED"]
    assert "in an operation of its own" in answer.body["errors"][0]["message"]


def test_type_in_a_variable_counts_as_the_largest() -> None:
    def cost(type_: str, declared: str = "") -> int:
        document = Document(f"query {declared} {{ __type(name: {type_}) {{ fields {{ name }} }} }}")
        assert problems(document) == []
        formula = document.cost(None)
        assert formula is not None
        return formula.evaluate({}).values

    named = [cost(f'"{name}"') for name in SCHEMA.type_map]
    assert cost("$name", "($name: String!)") == max(named)


CLOSED = [
    "{ __schema { queryType { name } } }",
    '{ __type(name: "User") { name } }',
    "{ me { id } __schema { queryType { name } } }",
    "{ ...F } fragment F on Query { ... { __schema { queryType { name } } } }",
    "{ __schema @skip(if: true) { queryType { name } } }",
]


@pytest.mark.parametrize("document", CLOSED)
def test_introspection_is_for_the_signed_in_if_that_is_set(
    anonymous: GraphQLClient,
    client_of: ClientOf,
    alice: User,
    settings: Any,
    executions: list[str],
    document: str,
) -> None:
    assert anonymous(document).codes == []
    settings.INTROSPECTION = "signed-in"
    executions.clear()
    answer = anonymous(document)
    assert (answer.codes, answer.body.get("data")) == (["UNAUTHENTICATED"], None)
    assert executions == []
    for client in (client_of(alice), GraphQLClient(make_api_token(alice, Scope.EVENTS_READ))):
        assert client(document).codes == []
    # The cached answer is not returned to clients without access.
    assert anonymous(document).codes == ["UNAUTHENTICATED"]


def test_names_are_not_suggested_where_introspection_is_closed(
    anonymous: GraphQLClient, settings: Any
) -> None:
    assert anonymous("{ __typename }").data == {"__typename": "Query"}
    settings.INTROSPECTION = "signed-in"
    documents.DOCUMENTS.clear()
    assert anonymous("{ __typename }").data == {"__typename": "Query"}
    answer = anonymous("{ usrs { id } }")
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert "Did you mean" not in answer.body["errors"][0]["message"]


def test_one_of_is_null_but_for_input_types(anonymous: GraphQLClient) -> None:
    answer = anonymous("""{
        proof: __type(name: "ProofInput") { isOneOf }
        filter: __type(name: "UserFilter") { isOneOf }
        user: __type(name: "User") { isOneOf fields { type { isOneOf ofType { isOneOf } } } }
    }""")
    assert answer.codes == []
    assert (answer.data["proof"], answer.data["filter"]) == ({"isOneOf": True}, {"isOneOf": False})
    assert "true" not in json.dumps(answer.data["user"])
    assert "false" not in json.dumps(answer.data["user"])
