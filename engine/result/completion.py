"""Completion of whole columns of values, as the specification has it for single ones.

Section 6.4.3 of the GraphQL specification completes the value of one field of one object; here it
is the values of one field of all objects of a level. An error stays in its place as an `ErrorCell`
and moves up to the nearest nullable place. There it becomes an error of the response, in the order
of a depth-first executor.
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
class CellError:
    """An error, the nodes of its field, and its path below the cell."""

    error: Exception
    nodes: Sequence[FieldNode]
    path: tuple[Key, ...] = ()

    def with_parent_key(self, key: Key) -> "CellError":
        """Return the error with the path of one level higher."""
        return CellError(self.error, self.nodes, (key, *self.path))

    def to_graphql_error(self) -> GraphQLError:
        """Return the error of the response."""
        return located_error(self.error, list(self.nodes), list(self.path))


@dataclass(frozen=True, slots=True)
class ErrorCell:
    """A cell without a value; its parent fails too, unless it is nullable."""

    errors: tuple[CellError, ...]


@dataclass(frozen=True, slots=True)
class PartialCell:
    """A cell with a value that has errors below it."""

    value: Any
    errors: tuple[CellError, ...]


class Column(NamedTuple):
    """The completed values of a level, one per object; ``is_error_free`` if none is an error."""

    cells: Sequence[Any]
    is_error_free: bool = True


# Completes the objects of a column, none of which is null.
Objects: TypeAlias = Callable[[Sequence[Any]], Column]


# Completes the values of a field; objects among them by the second argument.
Completion: TypeAlias = Callable[[Sequence[Any], Objects], Column]


def completion(type_: GraphQLOutputType, place: "FieldLocation") -> Completion:
    """Return what completes a field's values; exceptions among them become error cells."""
    if isinstance(type_, GraphQLNonNull):
        some = _completion_of_some(type_.of_type, place)
        return lambda values, objects: refuse_nulls(some(values, objects), place)
    some = _completion_of_some(type_, place)
    return lambda values, objects: nullify_errors(some(values, objects))


def _completion_of_some(type_: Any, place: "FieldLocation") -> Completion:
    """Return what completes values, without the rules for null and errors."""
    if isinstance(type_, GraphQLList):
        items = completion(type_.of_type, place)
        return lambda values, objects: complete_present(
            values, place, lambda lists: _complete_lists(items, lists, place, objects)
        )
    if is_leaf_type(type_):
        return lambda values, _objects: _complete_leaves(type_, values, place)
    return lambda values, objects: complete_present(values, place, objects)


@dataclass(frozen=True, slots=True)
class FieldLocation:
    """A field of the document."""

    parent: str
    name: str
    nodes: Sequence[FieldNode]

    def error_cell(self, error: Exception) -> ErrorCell:
        """Return the cell of an error."""
        return ErrorCell((CellError(error, self.nodes),))


def nullify_errors(column: Column) -> Column:
    """Return the column of a nullable field: error cells become null with errors."""
    if column.is_error_free:
        return column
    cells = [
        PartialCell(None, cell.errors) if isinstance(cell, ErrorCell) else cell
        for cell in column.cells
    ]
    return Column(cells, is_error_free=False)


def refuse_nulls(column: Column, place: FieldLocation) -> Column:
    """Return the column of a non-null field: null becomes an error cell."""
    if column.is_error_free and None not in column.cells:
        return column
    text = f"Cannot return null for non-nullable field {place.parent}.{place.name}."
    # An error for each cell, because each has its own location.
    cells = [place.error_cell(TypeError(text)) if cell is None else cell for cell in column.cells]
    return Column(cells, is_error_free=False)


def complete_present(
    values: Sequence[Any], place: FieldLocation, complete_values: Objects
) -> Column:
    """Complete the values that are neither null nor errors; scatter them among the others."""
    are_present = [
        value is not None and value is not Undefined and not isinstance(value, Exception)
        for value in values
    ]
    if False not in are_present:
        return complete_values(values)
    column = complete_values(list(compress(values, are_present)))
    cells = iter(column.cells)
    is_error_free = column.is_error_free
    results: list[Any] = []
    for value, is_there in zip(values, are_present, strict=True):
        if is_there:
            results.append(next(cells))
        elif isinstance(value, Exception):
            results.append(place.error_cell(value))
            is_error_free = False
        else:
            results.append(None)
    return Column(results, is_error_free)


def _complete_lists(
    complete_values: Completion, values: Sequence[Any], place: FieldLocation, objects: Objects
) -> Column:
    """Complete lists, all their items as one column."""
    read = [_read_items(value, place) for value in values]
    items = [item for some, _failure in read for item in some]
    column = complete_values(items, objects)
    lists = group_cells(column, [len(some) for some, _failure in read])
    if not any(failure for _some, failure in read):
        return lists
    cells = [
        _append_error(cell, failure) if failure else cell
        for cell, (_some, failure) in zip(lists.cells, read, strict=True)
    ]
    return Column(cells, is_error_free=False)


def _read_items(value: Any, place: "FieldLocation") -> tuple[Sequence[Any], ErrorCell | None]:
    """Return a list's items, and the error that ended them."""
    if not is_iterable(value):
        text = f"Expected Iterable, but did not find one for field '{place.parent}.{place.name}'."
        return (), place.error_cell(GraphQLError(text))
    items: list[Any] = []
    try:
        # Items before the error stay.
        items.extend(value)
    except Exception as error:  # noqa: BLE001 - any error is the list's
        return items, place.error_cell(error)
    return items, None


def _append_error(cell: Any, failure: ErrorCell) -> ErrorCell:
    """Return the cell with one more error, unless it has failed already."""
    if isinstance(cell, ErrorCell):
        return cell
    return ErrorCell((*cell.errors, *failure.errors)) if isinstance(cell, PartialCell) else failure


def group_cells(column: Column, lengths: Iterable[int]) -> Column:
    """Return consecutive lists of the column's cells, of these lengths."""
    cells = iter(column.cells)
    lists: list[Any] = [list(islice(cells, length)) for length in lengths]
    if column.is_error_free:
        return Column(lists)
    lists = [collect_list(each) for each in lists]
    return Column(
        lists, is_error_free=not any(isinstance(each, ErrorCell | PartialCell) for each in lists)
    )


def collect_list(cells: Sequence[Any]) -> Any:
    """Return a list's cell: its items, or the errors up to the first error cell."""
    errors: list[CellError] = []
    values = []
    for index, cell in enumerate(cells):
        if isinstance(cell, ErrorCell | PartialCell):
            errors += (error_in_cell.with_parent_key(index) for error_in_cell in cell.errors)
            if isinstance(cell, ErrorCell):
                return ErrorCell(tuple(errors))
            values.append(cell.value)
        else:
            values.append(cell)
    return PartialCell(values, tuple(errors)) if errors else values


class ObjectFactory:
    """Makes dictionaries with the same keys, in their order."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        """Take the keys, which GraphQL's grammar restricts to names."""
        self.keys = keys

    @cached_property
    def from_rows(self) -> Callable[[Iterable[Any]], list[dict[str, Any]]]:
        """The function from rows of values to dictionaries.

        A display whose keys are known when it is compiled takes a quarter of `dict(zip(…))`'s
        time, and most objects of an answer are made here.
        """
        names = [f"value_{number}" for number in range(len(self.keys))]
        items = ", ".join(f"{key!r}: {name}" for key, name in zip(self.keys, names, strict=True))
        source = f"lambda rows: [{{{items}}} for {', '.join(names)}, in rows]"
        return cast("Callable[[Iterable[Any]], list[dict[str, Any]]]", eval(source))  # noqa: S307


def assemble_objects(
    object_factory: ObjectFactory, columns: Sequence[Column], count: int
) -> Column:
    """Return the column of objects whose fields are the columns, in their order."""
    if not columns:
        return Column([{} for _object in range(count)])
    cells = [column.cells for column in columns]
    if False not in [column.is_error_free for column in columns]:
        return Column(object_factory.from_rows(zip(*cells, strict=True)))
    objects = [_object(object_factory.keys, row) for row in zip(*cells, strict=True)]
    return Column(
        objects,
        is_error_free=not any(isinstance(each, ErrorCell | PartialCell) for each in objects),
    )


def _object(keys: Sequence[str], row: Sequence[Any]) -> Any:
    """Return an object's cell: its fields, or the errors up to the first error cell."""
    errors: list[CellError] = []
    values = {}
    for key, cell in zip(keys, row, strict=True):
        if isinstance(cell, ErrorCell | PartialCell):
            errors += (error_in_cell.with_parent_key(key) for error_in_cell in cell.errors)
            if isinstance(cell, ErrorCell):
                return ErrorCell(tuple(errors))
            values[key] = cell.value
        else:
            values[key] = cell
    return PartialCell(values, tuple(errors)) if errors else values


# Scalars whose values, if they are of these very types, are their own coercion.
IDENTITY_TYPES: Final = {"String": {str, type(None)}, "Boolean": {bool, type(None)}}
NO_TYPES: Final[set[type]] = set()
# Types of what is no value: it is an error or null.
NO_VALUES: Final = (Exception, type(Undefined))


def _complete_leaves(type_: GraphQLLeafType, values: Sequence[Any], place: FieldLocation) -> Column:
    kinds = set(map(type, values))
    if IDENTITY_TYPES.get(type_.name, NO_TYPES) >= kinds:
        return Column(values)
    kinds.discard(type(None))
    if len(kinds) == 1 and not issubclass(next(iter(kinds)), NO_VALUES):
        cells = _coerce_together(type_, values)
        if cells is not None:
            return Column(cells)
    cells = [
        None if value is None or value is Undefined else _complete_leaf(type_, value, place)
        for value in values
    ]
    return Column(cells, not any(isinstance(cell, ErrorCell) for cell in cells))


def _coerce_together(type_: GraphQLLeafType, values: Sequence[Any]) -> list[Any] | None:
    """Return coerced values of one type, nulls among them; None if any has an error."""
    coerce = type_.coerce_output_value
    try:
        if isinstance(type_, GraphQLEnumType):
            # Few of a column's values are distinct.
            known = {value: coerce(value) for value in set(values) if value is not None}
            cells = list(map(known.get, values))
        else:
            cells = [None if value is None else coerce(value) for value in values]
    except Exception:  # noqa: BLE001 - then each is coerced by itself, for its error
        return None
    has_more_nulls = cells.count(None) != values.count(None)
    return None if has_more_nulls or type(Undefined) in set(map(type, cells)) else cells


def _complete_leaf(
    type_: GraphQLScalarType | GraphQLEnumType, value: Any, place: FieldLocation
) -> Any:
    if isinstance(value, Exception):
        return place.error_cell(value)
    try:
        coerced = type_.coerce_output_value(value)
    except Exception as error:  # noqa: BLE001 - a scalar may raise any error
        return place.error_cell(error)
    if coerced is None or coerced is Undefined:
        text = (
            f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})`"
            f" to return non-nullable value, returned: {inspect(coerced)}"
        )
        return place.error_cell(TypeError(text))
    return coerced


def errors_of(cell: Any) -> Iterator[GraphQLError]:
    """Yield the errors of the response whose data is the cell."""
    if isinstance(cell, ErrorCell | PartialCell):
        for error_in_cell in cell.errors:
            yield error_in_cell.to_graphql_error()
