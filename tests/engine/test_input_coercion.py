"""Section 3 of the specification on input: what values of arguments and variables become.

Each document is executed by both executors, see `tests.engine.toys`.
"""

from typing import Any

import pytest

from tests.engine.toys import run

RED, GREEN = "Colour.RED", "Colour.GREEN"


def answers(source: str, given: dict[str, Any] | None = None) -> Any:
    """Return the one value of an answer without errors."""
    data, errors = run(source, given)
    assert errors == []
    (value,) = data.values()
    return value


def refusal(source: str, given: dict[str, Any] | None = None) -> str:
    """Return the error of an operation that was not executed."""
    data, ((message, path, _places),) = run(source, given)
    assert (data, path) == (None, None)
    return message


# Lists -----------------------------------------------------------------------------------

LISTS = [
    ("may", 1, "[1] None"),
    ("may", [1], "[1] None"),
    ("may", [1, None], "[1, None] None"),
    ("may", [], "[] None"),
    ("may", None, "None None"),
    ("deep", 1, "None [[1]]"),
    ("deep", [1, 2], "None [[1], [2]]"),
    ("deep", [[1], 2, [None]], "None [[1], [2], [None]]"),
    ("deep", None, "None None"),
]


def literal(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return "null" if value is None else str(value)


@pytest.mark.parametrize(("name", "value", "answer"), LISTS, ids=str)
def test_single_value_is_coerced_to_a_list(name: str, value: Any, answer: str) -> None:
    assert answers(f"{{ lists({name}: {literal(value)}) }}") == answer
    type_ = {"may": "[Int]", "deep": "[[Int]!]"}[name]
    asked = f"query ($it: {type_}) {{ lists({name}: $it) }}"
    assert answers(asked, {"it": value}) == answer
    default = f"query ($it: {type_} = {literal(value)}) {{ lists({name}: $it) }}"
    assert answers(default) == answer


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({}, "[1, None, 3] None"),
        ({"a": None}, "[1, None, 3] None"),
        ({"a": 2}, "[1, 2, 3] None"),
    ],
    ids=str,
)
def test_a_variable_in_a_list_that_is_not_given_is_null(given: dict[str, Any], answer: str) -> None:
    assert answers("query ($a: Int) { lists(may: [1, $a, 3]) }", given) == answer


def test_an_item_of_the_wrong_type_is_the_error_of_the_variable() -> None:
    asked = "query ($it: [[Int]!]) { lists(deep: $it) }"
    assert "'x'" in refusal(asked, {"it": [[1], ["x"]]})
    assert "null" in refusal(asked, {"it": [[1], None]}).lower()


# Enums -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "given", "answer"),
    [
        ("", {}, f"{RED} None"),
        ("(colour: GREEN)", {}, f"{GREEN} None"),
        ("(more: GREEN)", {}, f"{RED} [<{GREEN}: 'g'>]"),
        ("(more: [RED, GREEN])", {}, f"{RED} [<{RED}: 'r'>, <{GREEN}: 'g'>]"),
        ("(colour: $one)", {}, f"{RED} None"),
        ("(colour: $one)", {"one": "GREEN"}, f"{GREEN} None"),
        (
            "(colour: $one, more: [RED, $one])",
            {"one": "RED"},
            f"{RED} [<{RED}: 'r'>, <{RED}: 'r'>]",
        ),
        ("(more: $some)", {"some": "GREEN"}, f"{RED} [<{GREEN}: 'g'>]"),
        ("(more: $some)", {"some": ["GREEN", "RED"]}, f"{RED} [<{GREEN}: 'g'>, <{RED}: 'r'>]"),
    ],
)
def test_enums_come_by_name(arguments: str, given: dict[str, Any], answer: str) -> None:
    needed = "Colour!" if "[RED, $one]" in arguments else "Colour"
    declared = [f"${name}" for name in ("one", "some") if f"${name}" in arguments]
    types = {"$one": needed, "$some": "[Colour!]"}
    variables = ", ".join(f"{name}: {types[name]}" for name in declared)
    head = f"query ({variables})" if variables else ""
    assert answers(f"{head} {{ paint{arguments} }}", given) == answer


@pytest.mark.parametrize("value", ["r", "red", "BLUE", 1, True, ["RED"]], ids=repr)
def test_unknown_enum_values_are_refused(value: Any) -> None:
    assert "Colour" in refusal("query ($it: Colour) { paint(colour: $it) }", {"it": value})


# Scalars ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "type_", "written", "given", "answer"),
    [
        ("real", "Float", "5", 5, "5.0 None None None None"),
        ("real", "Float", "-1.5e3", -1500.0, "-1500.0 None None None None"),
        ("key", "ID", "4", 4, "None '4' None None None"),
        ("key", "ID", '"x"', "x", "None 'x' None None None"),
        ("truth", "Boolean", "false", False, "None None False None None"),
        ("text", "String", '"\\u00e9\\n☃"', "é\n☃", "None None None 'é\\n☃' None"),
        ("text", "String", '"""\n  a\n    b\n"""', "a\n  b", "None None None 'a\\n  b' None"),
        ("text", "String", '""', "", "None None None '' None"),
        (
            *("day", "Date", '"2024-02-29"', "2024-02-29"),
            "None None None None datetime.date(2024, 2, 29)",
        ),
        ("day", "Date", "null", None, "None None None None None"),
    ],
)
def test_scalars_are_coerced_alike_in_literals_and_variables(
    name: str, type_: str, written: str, given: Any, answer: str
) -> None:
    assert answers(f"{{ scalars({name}: {written}) }}") == answer
    asked = f"query ($it: {type_}) {{ scalars({name}: $it) }}"
    assert answers(asked, {"it": given}) == answer
    assert answers(f"query ($it: {type_} = {written}) {{ scalars({name}: $it) }}") == answer


@pytest.mark.parametrize(
    ("name", "type_", "value"),
    [
        ("real", "Float", "1.5"),
        ("real", "Float", True),
        ("key", "ID", 1.5),
        ("key", "ID", True),
        ("truth", "Boolean", 1),
        ("truth", "Boolean", "true"),
        ("text", "String", 1),
        ("text", "String", ["x"]),
        ("day", "Date", "2024-02-30"),
        ("day", "Date", 5),
    ],
)
def test_scalars_that_cannot_be_coerced_are_refused(name: str, type_: str, value: Any) -> None:
    asked = f"query ($it: {type_}) {{ scalars({name}: $it) }}"
    assert "'$it'" in refusal(asked, {"it": value})


# Input objects ---------------------------------------------------------------------------

ORIGIN = "Point(x=0, y=2, tags=None)"


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("{points: []}", f"[] {GREEN} unset"),
        ("{points: {x: 0}}", f"[{ORIGIN}] {GREEN} unset"),
        ("{points: [{x: 0}], colour: RED, centre: null}", f"[{ORIGIN}] {RED} None"),
        (
            '{centre: {tags: "a", y: 5, x: 4}, points: {x: 0}}',
            f"[{ORIGIN}] {GREEN} Point(x=4, y=5, tags=['a'])",
        ),
    ],
)
def test_fields_of_input_objects_are_given_defaulted_or_absent(given: str, answer: str) -> None:
    assert answers(f"{{ shape(given: {given}) }}") == answer
    assert answers(f"query ($it: Shape! = {given}) {{ shape(given: $it) }}") == answer


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        # What is not given is absent from the object, and so has the field's default.
        ({}, f"[{ORIGIN}] {GREEN} unset"),
        ({"y": 3, "colour": "RED"}, f"[Point(x=0, y=3, tags=None)] {RED} unset"),
        ({"centre": None}, f"[{ORIGIN}] {GREEN} None"),
        ({"centre": {"x": 0}}, f"[{ORIGIN}] {GREEN} {ORIGIN}"),
        ({"tags": "a"}, f"[Point(x=0, y=2, tags=['a'])] {GREEN} unset"),
        ({"tags": None}, f"[{ORIGIN}] {GREEN} unset"),
    ],
    ids=str,
)
def test_variables_in_input_objects(given: dict[str, Any], answer: str) -> None:
    source = """query ($y: Int, $colour: Colour, $centre: Point, $tags: [String!]) {
      shape(given: {points: {x: 0, y: $y, tags: $tags}, colour: $colour, centre: $centre})
    }"""
    assert answers(source, given) == answer


def test_null_for_a_field_that_must_not_be_null_is_the_error_of_the_argument() -> None:
    source = "query ($y: Int) { bare it: shape(given: {points: {x: 0, y: $y}}) }"
    data, ((_message, path, _places),) = run(source, {"y": None})
    assert data is None
    assert path == ["it"]


def test_a_skipped_field_does_not_look_at_its_arguments() -> None:
    source = """query ($y: Int, $no: Boolean = true) {
      bare it: shape(given: {points: {x: 0, y: $y}}) @skip(if: $no)
    }"""
    assert run(source, {"y": None}) == ({"bare": "bare"}, [])
