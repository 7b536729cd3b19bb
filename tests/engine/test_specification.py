"""The specification's section on execution, case by case, on a schema without a database.

Each document is executed by the engine and by graphql-core, which must agree, and their answer must
be the one that is written down here.
"""

from typing import Any

import pytest
from graphql import parse

from engine.operation import CompiledOperation
from engine.plan.selection import NotPlannableError
from tests.engine.silent import SilentSchema
from tests.engine.toys import (
    CONFIG,
    SCHEMA,
    Cat,
    Dog,
    Fish,
    Mutation,
    Query,
    Subscription,
    run,
)

NULL_CONDITION = (
    "Argument 'if' has invalid value: Expected variable '$a' provided to"
    " non-null type 'Boolean!' not to be None."
)

# Fields ----------------------------------------------------------------------------------


def test_fields_are_merged_in_the_order_of_their_first_mention() -> None:
    source = """{
      second: sound { number } sound { number }
      ... { second: sound { isBroken } } ...More sound { number deeper { number } }
    }
    fragment More on Query { sound { deeper { isBroken number } } third: plain }"""
    data, errors = run(source, context="root")
    assert data == {
        "second": {"number": 1, "isBroken": False},
        "sound": {"number": 1, "deeper": {"isBroken": False, "number": 1}},
        "third": "plain",
    }
    assert list(data) == ["second", "sound", "third"]
    assert list(data["sound"]["deeper"]) == ["isBroken", "number"]
    assert errors == []


def test_fragments_apply_to_interfaces_unions_and_their_types() -> None:
    source = """{
      animals { __typename ...Named ... on Cat { lives } ... on Dog { friend {
        __typename ... on Animal { shout } ... on Cat { lives } } } }
    }
    fragment Named on Animal { title: name ... on Dog { barks(times: 2) } }"""
    assert run(source) == (
        {
            "animals": [
                {
                    "__typename": "Dog",
                    "title": "Rex",
                    "barks": "WauWau",
                    "friend": {"__typename": "Cat", "shout": "TOM", "lives": 7},
                },
                {"__typename": "Cat", "title": "Kit", "lives": 7},
                {"__typename": "Fish", "title": "Wanda"},
            ]
        },
        [],
    )


def test_values_of_impossible_types_are_field_errors() -> None:
    data, errors = run("{ pets { __typename } pet { ... on Dog { name friend { __typename } } } }")
    assert data == {
        "pets": [{"__typename": "Cat"}, None, {"__typename": "Dog"}],
        "pet": {"name": "Rex", "friend": None},
    }
    assert [path for _message, path, _places in errors] == [["pets", 1], ["pet", "friend"]]
    data, errors = run("{ creatures { name } fishes { name } }")
    assert data == {
        "creatures": [None, {"name": "Rex"}, None],
        "fishes": [None, None, {"name": "Wanda"}],
    }
    assert [path for _message, path, _places in errors] == [
        ["creatures", 0],
        ["fishes", 0],
        ["fishes", 1],
    ]


@pytest.mark.parametrize(
    ("skip", "include", "is_there"),
    [
        (False, True, True),
        (False, False, False),
        (True, True, False),
        (True, False, False),
    ],
)
def test_skip_and_include_must_both_hold(*, skip: bool, include: bool, is_there: bool) -> None:
    source = """query ($skip: Boolean!, $include: Boolean = false) {
      bare ... @skip(if: $skip) @include(if: $include) { plain: bare }
      ...More @include(if: $include) @skip(if: $skip)
      sound @skip(if: $skip) @include(if: $include) { number }
    }
    fragment More on Query { more: bare }"""
    expected: dict[str, Any] = {"bare": "bare"}
    if is_there:
        expected |= {"plain": "bare", "more": "bare", "sound": {"number": 1}}
    given = {"skip": skip, "include": include}
    assert run(source, given) == (expected, [])
    literal = source.replace("query ($skip: Boolean!, $include: Boolean = false)", "")
    for name, value in given.items():
        literal = literal.replace(f"${name}", str(value).lower())
    assert run(literal) == (expected, [])


def test_a_plan_serves_all_conditions_in_turn() -> None:
    source = (
        "query ($a: Boolean = true) { sound { number @include(if: $a) isBroken @skip(if: $a) } }"
    )
    operation = CompiledOperation.of(SCHEMA, parse(source), None)
    for given, expected in (({}, "number"), ({"a": False}, "isBroken"), ({"a": True}, "number")):
        data = operation.execute(given, None).data  # type: ignore[arg-type]
        assert list(data["sound"]) == [expected]  # type: ignore[index]


def test_null_condition_is_an_error_at_the_root_only() -> None:
    assert run("query ($a: Boolean = true) { bare @skip(if: $a) }", {"a": None}) == (
        None,
        [
            (
                NULL_CONDITION,
                None,
                [(1, 45)],
            )
        ],
    )
    source = "query ($a: Boolean = true) { broken { number @skip(if: $a) } }"
    operation = CompiledOperation.of(SCHEMA, parse(source), None)
    with pytest.raises(NotPlannableError, match="not to be None"):
        operation.execute({"a": None}, None)  # type: ignore[arg-type]


def test_resolvers_receive_their_declared_parameters() -> None:
    source = "{ about(given: {x: 1}) rootOnly parentOnly bare plain sound { deeper { number } } }"
    assert run(source, context="root") == (
        {
            "about": "Query about root Point(x=1, y=2, tags=None)",
            "rootOnly": "Query",
            "parentOnly": "Query",
            "bare": "bare",
            "plain": "plain",
            "sound": {"deeper": {"number": 1}},
        },
        [],
    )


# Where null goes -------------------------------------------------------------------------


def paths(source: str) -> tuple[Any, list[str]]:
    """Return the data, and the errors' paths."""
    data, errors = run(source)
    return data, [".".join(map(str, path or ())) for _message, path, _places in errors]


def test_nullable_field_contains_its_error() -> None:
    assert paths("{ broken { maybe number } sound { maybe } }") == (
        {"broken": {"maybe": None, "number": 2}, "sound": {"maybe": 1}},
        ["broken.maybe"],
    )


def test_non_null_error_propagates_to_the_parent() -> None:
    assert paths("{ broken { number must } sound { number } }") == (
        {"broken": None, "sound": {"number": 1}},
        ["broken.must"],
    )
    assert paths("{ sound { number deeper { absent } } }") == (
        {"sound": {"number": 1, "deeper": None}},
        ["sound.deeper.absent"],
    )
    assert paths("{ sound { number } brokenStrictly { deepest { deepest { must } } } }") == (
        None,
        ["brokenStrictly.deepest.deepest.must"],
    )


def test_first_failing_non_null_sibling_is_reported() -> None:
    assert paths("{ broken { maybe must mustToo absent } sound { number } }") == (
        {"broken": None, "sound": {"number": 1}},
        ["broken.maybe", "broken.must"],
    )
    assert paths("{ brokenStrictly { must } broken { must } returned }") == (
        None,
        ["brokenStrictly.must"],
    )
    assert paths("{ broken { must } returned brokenStrictly { must } graphqlError }") == (
        None,
        ["broken.must", "returned", "brokenStrictly.must"],
    )


@pytest.mark.parametrize(
    ("field", "data", "errors"),
    [
        (
            "allMay",
            [{"must": 1}, None, None, None],
            ["allMay.1.must", "allMay.3.must"],
        ),
        ("itemsMust", None, ["itemsMust.1.must"]),
        (
            "listMust",
            [{"must": 1}, None, None, None],
            ["listMust.1.must", "listMust.3.must"],
        ),
    ],
)
def test_lists_with_items_that_fail(field: str, data: Any, errors: list[str]) -> None:
    assert paths(f"{{ {field} {{ must }} }}") == ({field: data}, errors)


def test_non_null_items_propagate_through_the_list() -> None:
    assert paths("{ allMust { must } }") == (None, ["allMust.1.must"])
    # Earlier errors are reported, too; null in a non-null list is an error of the item.
    assert paths("{ allMust { maybe } }") == (None, ["allMust.1.maybe", "allMust.2"])
    assert paths("{ itemsMust { maybe number } sound { number } }") == (
        {"itemsMust": None, "sound": {"number": 1}},
        ["itemsMust.1.maybe", "itemsMust.2"],
    )


def test_an_exception_returned_for_an_object_is_its_error() -> None:
    data, errors = run("{ returnedObject { number } }")
    assert data is None
    assert errors == [("As an object.", ["returnedObject"], [(1, 3)])]


def test_failing_attribute_is_the_error_of_its_object() -> None:
    data, errors = run("{ halves { number isBroken } }")
    assert data == {
        "halves": [{"number": 1, "isBroken": False}, None, {"number": 3, "isBroken": False}]
    }
    ((message, path, _places),) = errors
    assert "no attribute 'is_broken'" in message
    assert path == ["halves", 1, "isBroken"]
    assert paths("{ bare plain }") == (None, ["plain"])


def test_errors_have_all_locations_of_merged_fields() -> None:
    data, errors = run("{ returned\n ... { returned } }")
    assert data == {"returned": None}
    assert errors == [("As a value.", ["returned"], [(1, 3), (2, 8)])]


# Mutations -------------------------------------------------------------------------------


def test_mutations_run_one_after_the_other() -> None:
    source = 'mutation { a: note(word: "x") fail b: note(word: "y") }'
    data, errors = run(source, context=[])
    assert data == {"a": "x", "fail": None, "b": "x, fail, y"}
    assert errors == [("Not this time.", ["fail"], [(1, 31)])]


def test_mutations_stop_after_a_non_null_failure() -> None:
    done: list[str] = []
    source = 'mutation { a: note(word: "x") failStrictly b: note(word: "y") }'
    data, errors = run(source, context=done)
    assert data is None
    assert errors == [("Not this time.", ["failStrictly"], [(1, 31)])]
    assert done == ["x", "fail"]


# What is left to graphql-core ------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "{ __schema { queryType { name } } }",
        '{ bare __type(name: "Query") { name } }',
        "subscription { ticks }",
        "{ later }",
        "query A { bare } query B { bare }",
    ],
)
def test_unsupported_features_are_refused(source: str) -> None:
    schema = SilentSchema(Query, Mutation, Subscription, types=[Dog, Cat, Fish], config=CONFIG)
    with pytest.raises(NotPlannableError):
        CompiledOperation.of(schema, parse(source), None).execute({}, None)  # type: ignore[arg-type]


def test_operation_is_selected_by_name() -> None:
    document = parse("query A { bare } query B { sum }")
    data = CompiledOperation.of(SCHEMA, document, "B").execute({}, None).data  # type: ignore[arg-type]
    assert data == {"sum": "1 2 None"}
