"""Selection sets and what happens in them: merged fields, conditions, paths, turns of mutations.

Sections 6.2 to 6.4 of the specification; each document is executed by both executors, see
`tests.engine.toys`.
"""

from typing import Any

import pytest

from tests.engine.toys import run

# Merging ---------------------------------------------------------------------------------


def test_fields_with_equal_arguments_are_merged() -> None:
    source = """query ($a: Int = 3) {
      sum(a: $a, b: 4) ...Again two: sum(a: 2) ... { two: sum(a: 2) }
    }
    fragment Again on Query { sum(b: 4, a: $a) three: sum(a: 3, b: 4) }"""
    assert run(source) == (
        {"sum": "3 4 None", "three": "3 4 None", "two": "2 2 None"},
        [],
    )


def test_what_is_selected_of_merged_lists_is_merged_for_each_item() -> None:
    source = """{
      things: allMay { number } ...More
      things: allMay { deeper { number } }
    }
    fragment More on Query { things: allMay { deeper { broken: isBroken deeper { number } } } }"""
    data, errors = run(source)
    assert errors == []
    assert data["things"][2] is None
    assert data["things"][1] == {
        "number": 2,
        "deeper": {"broken": True, "deeper": {"number": 2}, "number": 2},
    }
    assert list(data["things"][1]["deeper"]) == ["broken", "deeper", "number"]


def test_fragments_may_use_one_alias_for_different_fields() -> None:
    source = """{ animals {
      ... on Dog { it: barks(times: 1) more: friend { ... on Cat { lives } } }
      ... on Cat { it: name }
      ... on Animal { ... on Fish { it: shout } name }
    } }"""
    assert run(source) == (
        {
            "animals": [
                {"it": "Wau", "more": {"lives": 7}, "name": "Rex"},
                {"it": "Kit", "name": "Kit"},
                {"it": "WANDA", "name": "Wanda"},
            ]
        },
        [],
    )


def test_fragments_of_interfaces_and_unions_apply_inside_one_another() -> None:
    source = """{ pet {
      ...OfPet ... on Animal { name ...OfPet ... on Pet { ... on Cat { lives } } }
    } }
    fragment OfPet on Pet { __typename ... on Animal { shout } ... on Cat { never: lives } }"""
    assert run(source) == ({"pet": {"__typename": "Dog", "shout": "REX", "name": "Rex"}}, [])


def test_object_without_applicable_fields_is_empty() -> None:
    assert run("{ animals { ... on Cat { lives } } __typename }") == (
        {"animals": [{}, {"lives": 7}, {}], "__typename": "Query"},
        [],
    )


# Conditions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("bare @skip(if: true) bare", {"bare": "bare"}),
        ("bare @skip(if: true) ... { bare @include(if: true) }", {"bare": "bare"}),
        ("...It @skip(if: true) ...It plain", {"bare": "bare", "plain": "plain"}),
        ("plain ...It @include(if: false)", {"plain": "plain"}),
        ("__typename @skip(if: true) plain", {"plain": "plain"}),
        ("bare @include(if: false)", {}),
        ("sound { number @skip(if: true) }", {"sound": {}}),
        (
            "sound { number } sound @skip(if: true) { isBroken }",
            {"sound": {"number": 1}},
        ),
    ],
)
def test_field_is_skipped_if_all_its_selections_are(
    selection: str, expected: dict[str, Any]
) -> None:
    fragment = "fragment It on Query { bare }" if "...It" in selection else ""
    assert run(f"{{ {selection} }} {fragment}", context="root") == (expected, [])
    varying = selection.replace("true", "$yes").replace("false", "$no")
    declared = [f"{name}: Boolean!" for name in ("$yes", "$no") if name in varying]
    source = f"query ({', '.join(declared)}) {{ {varying} }} {fragment}"
    given = {name: name == "yes" for name in ("yes", "no") if f"${name}" in varying}
    assert run(source, given, context="root") == (expected, [])


def test_skipped_fields_are_not_executed() -> None:
    source = (
        "{ brokenStrictly @skip(if: true) { must } broken { number must @include(if: false) } }"
    )
    assert run(source) == ({"broken": {"number": 2}}, [])


# Paths -----------------------------------------------------------------------------------


def test_paths_have_response_names_and_list_indexes() -> None:
    source = """{
      some: allMay { much: deeper { deeper { more: must } } fine: number }
      other: broken { maybe again: maybe }
      rows: listsOfLists
    }"""
    data, errors = run(source)
    assert data == {
        "some": [
            {"much": {"deeper": {"more": 1}}, "fine": 1},
            {"much": {"deeper": None}, "fine": 2},
            None,
            {"much": {"deeper": None}, "fine": 4},
        ],
        "other": {"maybe": None, "again": None},
        "rows": [[1, None], None, None, [None], []],
    }
    assert [path for _message, path, _places in errors] == [
        ["some", 1, "much", "deeper", "more"],
        ["some", 3, "much", "deeper", "more"],
        ["other", "maybe"],
        ["other", "again"],
        ["rows", 0, 1],
        ["rows", 2],
        ["rows", 3, 0],
    ]


def test_null_propagates_to_the_nearest_nullable_field() -> None:
    source = "{ itemsMust { deeper { deepest { deepest { must } } } } sound { number } }"
    data, errors = run(source)
    assert data == {
        "itemsMust": None,
        "sound": {"number": 1},
    }
    assert [path for _message, path, _places in errors] == [
        ["itemsMust", 1, "deeper", "deepest", "deepest", "must"],
        # Null itself is no item of this list.
        ["itemsMust", 2],
    ]


def test_aliases_of_a_failing_field_fail_separately() -> None:
    data, errors = run("{ one: graphqlError two: graphqlError }")
    assert data == {"one": None, "two": None}
    assert errors == [("Refused.", ["one"], [(1, 3)]), ("Refused.", ["two"], [(1, 21)])]


# Mutations -------------------------------------------------------------------------------


def test_payload_is_resolved_before_the_next_mutation() -> None:
    source = """mutation {
      first: write(word: "a") { soFar }
      second: write(word: "b") { soFar again: soFar }
      third: note(word: "c")
    }"""
    assert run(source, context=[]) == (
        {
            "first": {"soFar": "a"},
            "second": {"soFar": "a, b", "again": "a, b"},
            "third": "a, b, c",
        },
        [],
    )


def test_merged_mutations_run_once_and_skipped_ones_never() -> None:
    done: list[str] = []
    source = """mutation ($no: Boolean = false) {
      write(word: "a") { soFar } ...Again
      note(word: "b") @include(if: $no)
    }
    fragment Again on Mutation { write(word: "a") { more: soFar } }"""
    assert run(source, context=done) == ({"write": {"soFar": "a", "more": "a"}}, [])
    assert done == ["a"]


def test_mutations_continue_after_a_payload_error() -> None:
    done: list[str] = []
    source = 'mutation { write(word: "a") { soFar never } note(word: "b") }'
    data, errors = run(source, context=done)
    assert data == {"write": None, "note": "a, b"}
    assert errors == [("Lost.", ["write", "never"], [(1, 37)])]
    assert done == ["a", "b"]
