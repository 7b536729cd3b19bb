"""Columns of leaves are completed together, and one by one if any has an error."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLNonNull,
    GraphQLScalarType,
    Undefined,
)

from engine.result.completion import Column, ErrorCell, FieldLocation, completion


class Color(Enum):
    RED = "red"
    BLUE = "blue"


def double(value: Any) -> Any:
    if value == "nothing":
        return None
    return Undefined if value == "undefined" else value * 2


DOUBLE = GraphQLScalarType("Double", coerce_output_value=double)
ANYTHING = GraphQLScalarType("Anything", coerce_output_value=lambda value: value)
COLOR = GraphQLEnumType("Color", {each.name: each for each in Color})
PLACE = FieldLocation("Thing", "size", ())


def complete(type_: Any, values: Sequence[Any]) -> Column:
    def no_objects(_values: Sequence[Any]) -> Column:
        raise AssertionError

    return completion(type_, PLACE)(values, no_objects)


@pytest.mark.parametrize("sequence", [list, tuple])
@pytest.mark.parametrize(
    ("type_", "values", "cells"),
    [
        (DOUBLE, ["a", "b"], ["aa", "bb"]),
        (DOUBLE, ["a", None, 2, Undefined], ["aa", None, 4, None]),
        (DOUBLE, [None, None], [None, None]),
        (ANYTHING, ["a", Undefined], ["a", None]),
        (DOUBLE, [], []),
        (COLOR, [Color.RED, Color.BLUE, None, Color.RED], ["RED", "BLUE", None, "RED"]),
    ],
)
def test_leaves_are_coerced(
    sequence: type, type_: Any, values: Sequence[Any], cells: Sequence[Any]
) -> None:
    assert complete(type_, sequence(values)) == Column(cells or sequence())


@pytest.mark.parametrize(
    ("type_", "values", "failing"),
    [
        (DOUBLE, ["a", "nothing", "b"], [1]),
        (DOUBLE, ["undefined", "undefined"], [0, 1]),
        (DOUBLE, [ValueError(), ValueError(), None], [0, 1]),
        (ANYTHING, [ValueError()], [0]),
        (COLOR, [Color.RED, "green", "green"], [1, 2]),
        (COLOR, [["a"], ["b"]], [0, 1]),
    ],
)
def test_only_cells_with_errors_fail(
    type_: Any, values: Sequence[Any], failing: Sequence[int]
) -> None:
    column = complete(GraphQLNonNull(type_) if None not in values else type_, values)
    assert not column.is_error_free
    failed = [
        index
        for index, cell in enumerate(column.cells)
        if isinstance(cell, ErrorCell) or bool(getattr(cell, "errors", None))
    ]
    assert failed == failing
    # Each has its own error, because each has its own location.
    errors = [column.cells[index].errors[0] for index in failing]
    assert len(set(map(id, errors))) == len(failing)
