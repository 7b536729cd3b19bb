"""Arguments, variables and values, as the specification coerces them and reports those it cannot.

Each document is executed by both executors, see `tests.engine.toys`.
"""

from typing import Any

import pytest
from graphql import parse

from engine.operation import CompiledOperation
from tests.engine.toys import SCHEMA, run, summarize

# Arguments and variables -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "given", "answer"),
    [
        ("sum", {}, "1 2 None"),
        ("sum(a: 3, b: null, c: 4)", {}, "3 None [4]"),
        ("sum(a: $a, b: $b, c: $c)", {}, "1 2 None"),
        ("sum(a: $a, b: $b, c: $c)", {"a": 5, "b": None, "c": [6]}, "5 None [6]"),
        ("sum(b: $b, c: [$a, 7])", {"a": 8, "b": 9}, "1 9 [8, 7]"),
        ("sum(c: $c)", {"c": 3}, "1 2 [3]"),
        ("optional(a: $b)", {}, "unset"),
        ("optional(a: $b)", {"b": None}, "None"),
    ],
)
def test_arguments_are_given_defaulted_or_absent(
    field: str, given: dict[str, Any], answer: str
) -> None:
    declared = {"a": "$a: Int", "b": "$b: Int", "c": "$c: [Int!]"}
    used = [text for name, text in declared.items() if f"${name}" in field]
    if "[$a" in field:
        used[0] = "$a: Int!"
    variables = f"({', '.join(used)})" if used else ""
    source = f"query {variables} {{ answer: {field} }}"
    assert run(source, given) == ({"answer": answer}, [])


def test_a_variable_has_its_default_unless_it_is_given() -> None:
    source = "query ($a: Int! = 4, $b: Point = {x: 3}) { sum(a: $a) about(given: $b) }"
    given = "Point(x=3, y=2, tags=None)"
    assert run(source)[0] == {"sum": "4 2 None", "about": f"NoneType about None {given}"}
    assert run(source, {"a": 5, "b": None})[0] == {
        "sum": "5 2 None",
        "about": "NoneType about None None",
    }


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "'a'"),
        ({"a": None}, "'$a'"),
        ({"a": "x"}, "Int cannot represent non-integer value"),
        ({"a": 2**31}, "Int cannot represent non 32-bit signed integer value"),
        ({"a": 1, "b": {"y": 1}}, "'x'"),
        ({"a": 1, "b": {"x": 1, "z": 1}}, "'z'"),
        ({"a": "x", "b": 5}, "Int cannot represent non-integer value"),
    ],
)
def test_variables_that_are_not_valid_are_the_only_errors(
    variables: dict[str, Any], message: str
) -> None:
    source = "query ($a: Int!, $b: Point) { sum(a: $a) about(given: $b) }"
    operation = CompiledOperation.of(SCHEMA, parse(source), None)
    result = operation.execute(variables, None)  # type: ignore[arg-type]
    expected = SCHEMA.execute_sync(source, variable_values=variables)
    assert summarize(result) == summarize(expected)
    assert result.data is None
    assert result.errors
    assert any(message.strip("'") in error.message for error in result.errors)


def test_a_null_that_an_argument_does_not_take_is_the_error_of_its_field() -> None:
    source = "query ($a: Int = 1) { bare sum(a: $a) }"
    data, ((message, path, places),) = run(source, {"a": None})
    assert data is None
    assert path == ["sum"]
    assert "not to be None" in message
    assert places == [(1, 35)]


# Values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ('whole(what: "float")', 2),
        ('whole(what: "text")', 3),
        ('whole(what: "truth")', 1),
        ('text(what: "number")', "5"),
        ('text(what: "truth")', "true"),
        ('text(what: "float")', "1.0"),
        ('decimal(what: "whole")', 1.0),
        ('decimal(what: "text")', 1.5),
        ('truth(what: "one")', True),
        ('truth(what: "zero")', False),
        ('picky(what: "fine")', "fine"),
        ('colour(what: "red")', "RED"),
        ("anything", {"a": [1, None, {"b": "é"}]}),
        ('iterables(what: "tuple")', [1, 2]),
        ('iterables(what: "generator")', [1, 2]),
        ('iterables(what: "empty")', []),
    ],
)
def test_values_are_coerced(field: str, value: Any) -> None:
    data, errors = run(f"{{ answer: {field} }}")
    assert data == {"answer": value}
    assert type(data["answer"]) is type(value)
    assert errors == []


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ('whole(what: "half")', "Int cannot represent non-integer value: 2.5"),
        ('whole(what: "large")', "Int cannot represent non 32-bit signed integer value"),
        ('whole(what: "word")', "Int cannot represent non-integer value: 'x'"),
        ('whole(what: "list")', "Int cannot represent non-integer value: [1]"),
        ('whole(what: "key")', "'key'"),
        ('text(what: "list")', "String cannot represent value: ['x']"),
        ('decimal(what: "nan")', "Float cannot represent non numeric value: nan"),
        ('decimal(what: "empty")', "Float cannot represent non numeric value: ''"),
        ('truth(what: "text")', "Boolean cannot represent a non boolean value: 'true'"),
        ('picky(what: "null")', "returned: None"),
        ('picky(what: "no")', "'no'"),
        ('colour(what: "no")', "Colour"),
        ('iterables(what: "text")', "Expected Iterable"),
        ('iterables(what: "number")', "Expected Iterable"),
        ('iterables(what: "object")', "Expected Iterable"),
        ("day", "'str' object has no attribute 'isoformat'"),
        ("returned", "As a value."),
        ("graphqlError", "Refused."),
    ],
)
def test_uncoercible_values_are_null_with_an_error(field: str, message: str) -> None:
    data, ((reported, path, places),) = run(f"{{ answer: {field} }}")
    assert data == {"answer": None}
    assert message in reported
    assert (path, places) == (["answer"], [(1, 3)])


@pytest.mark.parametrize(("what", "index"), [("item", 1), ("exception", 1), ("null", 1)], ids=str)
def test_one_item_that_must_not_be_null_fails_the_list_once(what: str, index: int) -> None:
    data, ((_message, path, _places),) = run(f'{{ iterables(what: "{what}") }}')
    assert data == {"iterables": None}
    assert path == ["iterables", index] or what == "null"


def test_items_fail_where_they_are() -> None:
    data, errors = run("{ listsOfLists colours strictLists }")
    assert data == {
        "listsOfLists": [[1, None], None, None, [None], []],
        "colours": ["RED", None, None, "GREEN", None],
        "strictLists": None,
    }
    assert [path for _message, path, _places in errors] == [
        ["listsOfLists", 0, 1],
        ["listsOfLists", 2],
        ["listsOfLists", 3, 0],
        ["colours", 2],
        ["colours", 4],
        ["strictLists", 1, 1],
    ]


def test_a_list_that_raises_fails_after_what_it_yielded() -> None:
    data, errors = run("{ undone { maybe } undoneStrictly { must } }")
    assert data == {"undone": None, "undoneStrictly": None}
    assert [(message, path) for message, path, _places in errors] == [
        ("Number 2 is broken.", ["undone", 1, "maybe"]),
        ("There are no more.", ["undone"]),
        ("Number 2 is broken.", ["undoneStrictly", 1, "must"]),
    ]
