"""Completion of whole columns of values, as the specification has it for single ones.

Section 6.4.3 of the GraphQL specification completes a value of one field of one object; here it is
the values of one field of all objects of a level. What goes wrong with one stays in its place, as a
`Failed` cell, and moves up to the nearest place that may be null: there, and in the order in which
a depth-first executor would have come by, it becomes an error of the answer.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, islice
from typing import Any, Final, NamedTuple, TypeAlias, cast

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLScalarType,
    Undefined,
    is_leaf_type,
    located_error,
)
from graphql.pyutils import inspect, is_iterable

Key: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Problem:
    """An error, where its field is in the document, and where it is below the cell."""

    error: Exception
    nodes: Sequence[FieldNode]
    path: tuple[Key, ...] = ()

    def under(self, key: Key) -> "Problem":
        """Return the problem as seen from one level higher."""
        return Problem(self.error, self.nodes, (key, *self.path))

    def located(self) -> GraphQLError:
        """Return the error of the answer."""
        return located_error(self.error, list(self.nodes), list(self.path))


@dataclass(frozen=True, slots=True)
class Failed:
    """A cell without a value: what holds it fails, too, unless it may be null."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Marred:
    """A cell with a value, below which something went wrong."""

    value: Any
    problems: tuple[Problem, ...]


class Column(NamedTuple):
    """The completed values of a level, one per object; ``sound`` if nothing is wrong with any."""

    cells: Sequence[Any]
    sound: bool = True


# What completes the objects of a column, none of which is null.
Objects: TypeAlias = Callable[[Sequence[Any]], Column]


# Completes the values of a field, and what objects there are among them by what it is given.
Completion: TypeAlias = Callable[[Sequence[Any], Objects], Column]


def completion(type_: GraphQLOutputType, place: "Place") -> Completion:
    """Return what completes a field's values; exceptions among them are failures of theirs."""
    if isinstance(type_, GraphQLNonNull):
        some = _completion_of_some(type_.of_type, place)
        return lambda values, objects: required(some(values, objects), place)
    some = _completion_of_some(type_, place)
    return lambda values, objects: nullable(some(values, objects))


def _completion_of_some(type_: Any, place: "Place") -> Completion:
    """Return what completes values, but for what it means that one failed or is null."""
    if isinstance(type_, GraphQLList):
        items = completion(type_.of_type, place)
        return lambda values, objects: present(
            values, place, lambda lists: _lists(items, lists, place, objects)
        )
    if is_leaf_type(type_):
        return lambda values, _objects: _leaves(type_, values, place)
    return lambda values, objects: present(values, place, objects)


@dataclass(frozen=True, slots=True)
class Place:
    """A field of the document."""

    parent: str
    name: str
    nodes: Sequence[FieldNode]

    def failed(self, error: Exception) -> Failed:
        """Return the cell of a value that could not be had."""
        return Failed((Problem(error, self.nodes),))


def nullable(column: Column) -> Column:
    """Return the column in a place that may be null: failures end here."""
    if column.sound:
        return column
    cells = [
        Marred(None, cell.problems) if isinstance(cell, Failed) else cell for cell in column.cells
    ]
    return Column(cells, sound=False)


def required(column: Column, place: Place) -> Column:
    """Return the column in a place that must not be null: null fails."""
    if column.sound and None not in column.cells:
        return column
    text = f"Cannot return null for non-nullable field {place.parent}.{place.name}."
    # A fresh error for each cell, as each is located by itself.
    cells = [place.failed(TypeError(text)) if cell is None else cell for cell in column.cells]
    return Column(cells, sound=False)


def present(values: Sequence[Any], place: Place, completed: Objects) -> Column:
    """Complete the values that are there and no failures; scatter them among the others."""
    there = [
        value is not None and value is not Undefined and not isinstance(value, Exception)
        for value in values
    ]
    if False not in there:
        return completed(values)
    column = completed(list(compress(values, there)))
    cells = iter(column.cells)
    sound = column.sound
    scattered: list[Any] = []
    for value, is_there in zip(values, there, strict=True):
        if is_there:
            scattered.append(next(cells))
        elif isinstance(value, Exception):
            scattered.append(place.failed(value))
            sound = False
        else:
            scattered.append(None)
    return Column(scattered, sound)


def _lists(completed: Completion, values: Sequence[Any], place: Place, objects: Objects) -> Column:
    """Complete lists, all their items as one column."""
    read = [_items(value, place) for value in values]
    items = [item for some, _failure in read for item in some]
    column = completed(items, objects)
    lists = regrouped(column, [len(some) for some, _failure in read])
    if not any(failure for _some, failure in read):
        return lists
    cells = [
        _after(cell, failure) if failure else cell
        for cell, (_some, failure) in zip(lists.cells, read, strict=True)
    ]
    return Column(cells, sound=False)


def _items(value: Any, place: "Place") -> tuple[Sequence[Any], Failed | None]:
    """Return a list's items, and what went wrong behind them."""
    if not is_iterable(value):
        text = f"Expected Iterable, but did not find one for field '{place.parent}.{place.name}'."
        return (), place.failed(GraphQLError(text))
    items: list[Any] = []
    try:
        # What it yields before it raises is kept.
        items.extend(value)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this list's error
        return items, place.failed(error)
    return items, None


def _after(cell: Any, failure: Failed) -> Failed:
    """Return the failure of what failed before it, or below, or not."""
    if isinstance(cell, Failed):
        return cell
    return Failed((*cell.problems, *failure.problems)) if isinstance(cell, Marred) else failure


def regrouped(column: Column, lengths: Iterable[int]) -> Column:
    """Return lists of the column's cells, of these lengths, one after the other."""
    cells = iter(column.cells)
    lists: list[Any] = [list(islice(cells, length)) for length in lengths]
    if column.sound:
        return Column(lists)
    lists = [gathered(each) for each in lists]
    return Column(lists, sound=not any(isinstance(each, Failed | Marred) for each in lists))


def gathered(cells: Sequence[Any]) -> Any:
    """Return the cell of a list: its items, or what is wrong with them up to the first failure."""
    problems: list[Problem] = []
    values = []
    for index, cell in enumerate(cells):
        if isinstance(cell, Failed | Marred):
            problems += (problem.under(index) for problem in cell.problems)
            if isinstance(cell, Failed):
                return Failed(tuple(problems))
            values.append(cell.value)
        else:
            values.append(cell)
    return Marred(values, tuple(problems)) if problems else values


class Display:
    """Makes dictionaries with the same keys, in their order."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        """Take the keys, which are names by the grammar."""
        self.keys = keys

    @cached_property
    def of_rows(self) -> Callable[[Iterable[Any]], list[dict[str, Any]]]:
        """The function from rows of values to dictionaries.

        A display whose keys are known when it is compiled takes a quarter of `dict(zip(…))`'s
        time, and most objects of an answer are made here.
        """
        names = [f"value_{number}" for number in range(len(self.keys))]
        items = ", ".join(f"{key!r}: {name}" for key, name in zip(self.keys, names, strict=True))
        source = f"lambda rows: [{{{items}}} for {', '.join(names)}, in rows]"
        return cast("Callable[[Iterable[Any]], list[dict[str, Any]]]", eval(source))  # noqa: S307


def assembled(display: Display, columns: Sequence[Column], count: int) -> Column:
    """Return the column of objects whose fields are the columns, in their order."""
    if not columns:
        return Column([{} for _object in range(count)])
    cells = [column.cells for column in columns]
    if False not in [column.sound for column in columns]:
        return Column(display.of_rows(zip(*cells, strict=True)))
    objects = [_object(display.keys, row) for row in zip(*cells, strict=True)]
    return Column(objects, sound=not any(isinstance(each, Failed | Marred) for each in objects))


def _object(keys: Sequence[str], row: Sequence[Any]) -> Any:
    """Return the cell of an object: its fields, or what is wrong up to the first failure."""
    problems: list[Problem] = []
    values = {}
    for key, cell in zip(keys, row, strict=True):
        if isinstance(cell, Failed | Marred):
            problems += (problem.under(key) for problem in cell.problems)
            if isinstance(cell, Failed):
                return Failed(tuple(problems))
            values[key] = cell.value
        else:
            values[key] = cell
    return Marred(values, tuple(problems)) if problems else values


# Scalars whose values, if they are of these very types, are their own coercion.
PLAIN: Final = {"String": {str, type(None)}, "Boolean": {bool, type(None)}}
NOTHING: Final[set[type]] = set()


def _leaves(type_: GraphQLLeafType, values: Sequence[Any], place: Place) -> Column:
    if PLAIN.get(type_.name, NOTHING).issuperset(map(type, values)):
        return Column(values)
    known: dict[Any, Any] = {}
    cells: list[Any] = []
    sound = True
    for value in values:
        cell = value
        if value is not None and value is not Undefined:
            is_enum = isinstance(type_, GraphQLEnumType) and isinstance(value, str)
            cell = known.get(value) if is_enum else None
            if cell is None:
                cell = _leaf(type_, value, place)
                if isinstance(cell, Failed):
                    sound = False
                elif is_enum:
                    known[value] = cell
        cells.append(None if cell is Undefined else cell)
    return Column(cells, sound)


def _leaf(type_: GraphQLScalarType | GraphQLEnumType, value: Any, place: Place) -> Any:
    if isinstance(value, Exception):
        return place.failed(value)
    try:
        coerced = type_.coerce_output_value(value)
    except Exception as error:  # noqa: BLE001 - a scalar may raise anything; the answer tells it
        return place.failed(error)
    if coerced is None or coerced is Undefined:
        text = (
            f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})`"
            f" to return non-nullable value, returned: {inspect(coerced)}"
        )
        return place.failed(TypeError(text))
    return coerced


def errors_of(cell: Any) -> Iterator[GraphQLError]:
    """Yield the errors of the answer whose data the cell is."""
    if isinstance(cell, Failed | Marred):
        for problem in cell.problems:
            yield problem.located()
