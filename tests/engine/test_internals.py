"""Private names of libraries are used with the releases that they were checked for."""

from enum import Enum
from importlib.metadata import version
from itertools import product
from threading import Thread
from typing import Any

import pytest
import strawberry as strawberry_library
from django.db import connections
from graphql import (
    OperationDefinitionNode,
    VariableValues,
    build_schema,
    get_variable_values,
    parse,
)
from strawberry import relay
from strawberry.types import get_object_definition

from engine.internals import graphql_core, psycopg, strawberry
from engine.internals.django import thread_connection
from engine.internals.versions import require_version
from engine.options import MissingCodec, Options


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        ("psycopg", psycopg.VERSION),
        ("graphql-core", graphql_core.VERSION),
        ("strawberry-graphql", strawberry.VERSION),
        ("strawberry-graphql-django", strawberry.DJANGO_VERSION),
    ],
)
def test_only_checked_releases_are_accepted(distribution: str, expected: str) -> None:
    require_version(distribution, expected, "engine.internals.sample")
    with pytest.raises(ImportError) as raised:
        require_version(distribution, "1.2", "engine.internals.sample")
    assert str(raised.value) == (
        f"engine.internals.sample uses private names of {distribution} 1.2, but"
        f" {version(distribution)} is installed. Check each function of engine.internals.sample"
        f" against {version(distribution)}, run the tests and `make test-engine`, then change the"
        " version in that module."
    )


def test_cursors_need_a_codec() -> None:
    codec = Options(cursor_codec=MissingCodec()).cursor_codec
    with pytest.raises(RuntimeError, match="Cursors need a codec"):
        codec.seal(b"", "")
    with pytest.raises(RuntimeError, match="Cursors need a codec"):
        codec.unseal("", "")


def test_variables_that_are_texts_are_coerced_as_by_graphql_core() -> None:
    schema = build_schema(
        "scalar Date type Query { a(text: String, id: ID, ids: [ID!], date: Date, size: Int): Int }"
    )
    types = ("String", "String!", "ID", "ID!", "[ID!]", "Date", "Int", 'String = "x"')
    values: list[Any] = ["text", "", "1", 1, 1.5, True, None, ["a"], {}, "\ud800"]
    coerced = 0
    for one, other in product(types, types):
        document = parse(f"query ($one: {one}, $other: {other}) {{ a }}")
        (operation,) = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        definitions = operation.variable_definitions or ()
        signatures = graphql_core.text_variables(schema, definitions)
        assert (signatures is None) == any(
            each in {"[ID!]", "Date", "Int"} for each in (one, other)
        )
        for first, second in product(values, values):
            for given in ({"one": first, "other": second, "more": 1}, {"one": first}, {}):
                found = signatures and graphql_core.text_values(signatures, given)
                if found:
                    expected = get_variable_values(schema, definitions, given)
                    assert isinstance(expected, VariableValues)
                    assert found.coerced == expected.coerced
                    assert _plain(found) == _plain(expected)
                    coerced += 1
    assert coerced > 100


def _plain(variables: VariableValues) -> Any:
    """Return the sources of variables; signatures themselves are compared by identity."""
    return {
        name: (
            each.value,
            each.signature.name,
            str(each.signature.type),
            bool(each.signature.default),
        )
        for name, each in variables.sources.items()
    }


def test_unconverted_arguments_are_those_that_strawberry_leaves_alone() -> None:
    @strawberry_library.input
    class Place:
        name: str

    @strawberry_library.enum
    class Color(Enum):
        RED = "red"

    @strawberry_library.type
    class Query:
        @strawberry_library.field
        def sample(
            self,
            text: str,
            some_id: strawberry_library.ID | None,
            color: Color,
            place: Place,
            texts: list[str],
            node: relay.GlobalID,
            other_node: relay.GlobalID | None,
            maybe: strawberry_library.Maybe[str],
        ) -> int:
            return 1

    schema = strawberry_library.Schema(Query)
    (field,) = get_object_definition(Query, strict=True).fields
    found = strawberry.unconverted_arguments(schema, field)
    assert found == {"text": "text", "someId": "some_id", "color": "color"}


def test_a_thread_keeps_its_connection() -> None:
    assert thread_connection() is connections["default"]
    found = []
    thread = Thread(target=lambda: found.append((thread_connection(), connections["default"])))
    thread.start()
    thread.join()
    ((other, expected),) = found
    assert other is expected is not thread_connection()
