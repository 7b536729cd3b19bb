"""Relay connections: pages of one list, or of each list of a level.

A `Pager` defines the page, its order and its cursors. The engine reads the rows of all pages with
one statement and assembles `edges` and `nodes`.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    TypeAlias,
    TypeVar,
    cast,
)

from django.db.models import F, Model, QuerySet
from graphql import GraphQLObjectType, get_named_type
from strawberry import Info

from engine.execution import Execution, FieldResolver
from engine.fields.declarations import object_type
from engine.fields.extensions import FieldReader, LevelColumns, ReadExtension
from engine.internals.strawberry import model_of
from engine.plan.selection import SelectedField, Selection, finish_column
from engine.read.layout import ALL, Layout, SelectedRows
from engine.read.objects import ObjectReader
from engine.read.querysets import FieldArguments
from engine.read.reader import compile_reader
from engine.read.relations import visible_rows
from engine.read.sources import FoundRows, RowSource
from engine.relay.pager import ListCompanions, PageFacts, Pager
from engine.result.completion import Column, ErrorCell, assemble_objects, group_cells
from engine.result.rows import Row, RowColumns, RowShape
from engine.sql.keys import KEYS, Bind, bind_keys, bind_only_key, to_python_values
from engine.sql.lateral import PARENT, first_children, first_children_of_one, rows_to_read

PAGE_ARGUMENTS: Final = ("first", "after", "last", "before")
ENDS: Final = {"startCursor", "endCursor"}
Positions: TypeAlias = Literal["all", "ends"] | None


P = TypeVar("P", bound=Pager)


class ConnectionExtension(ReadExtension, Generic[P]):
    """An extension that resolves a field to a connection, by either executor."""

    # The foreign key to the object that the list belongs to; None for lists of the root.
    parent: str | None = None

    @abstractmethod
    def pager(self, given: Mapping[str, Any]) -> P:
        """Check the arguments of the page. Raises the field's error."""

    @abstractmethod
    def order(self, rows: QuerySet[Any]) -> Any:
        """Return what the pager needs to know of the rows' order."""

    @abstractmethod
    def scope(self, order: Any, selected: SelectedField, given: Mapping[str, Any]) -> str:
        """Return the scope of cursors."""

    @abstractmethod
    def connection(
        self, pager: P, page: PageFacts, scope: str, lists: ListCompanions, key: Any
    ) -> Any:
        """Return the object that resolves the connection's other fields."""

    def reader(self, level: LevelColumns, selected: SelectedField) -> "NestedConnectionReader":
        """Compile what reads the connections of a level."""
        return NestedConnectionReader(selected, level.column_index(ALL))


@dataclass(frozen=True, slots=True, eq=False)
class ConnectionPlan:
    """What reads a connection, for one visibility and shape of arguments."""

    source: RowSource
    # For a level of one object, whose list needs no lateral join, and for the root.
    single_source: RowSource
    # By the id of the field that selects the objects, in `nodes` or in `edges`.
    readers: Mapping[int, ObjectReader]
    # Whose positions are selected, if any: those of all objects, or of the first and the last.
    positioned: Positions
    # The columns that make a position.
    position: Sequence[int]
    # What the extension returned for the rows' order.
    order: Any
    # The primary key of the objects that have the lists; None for lists of the root.
    parent_key: Any


@dataclass(frozen=True, slots=True)
class _ListRows:
    """The rows of one list, with its owner's key and the scope of its cursors."""

    key: Any
    scope: str
    rows: Sequence[Row]


def connection_of(selected: SelectedField) -> ConnectionExtension[Any] | None:
    """Return the extension by which the field is a connection, if it is one."""
    extensions = selected.strawberry_field.extensions
    return next((each for each in extensions if isinstance(each, ConnectionExtension)), None)


@dataclass(frozen=True, slots=True, eq=False)
class ConnectionResolver(FieldResolver):
    """Reads a connection of the root or of a payload: one list."""

    @property
    def strategy(self) -> str:
        """Of one page."""
        return "statement"

    def resolve(self, execution: Execution, sources: Sequence[Any]) -> Column:
        """Return the connection."""
        selected = self.selected
        try:
            request = _ConnectionRequest.of(execution, selected)
            scope = request.scope()
            values = request.pager.values(request.compiled.order, scope)
            rows, shape = request.rows(values)
            column = request.column([_ListRows(None, scope, rows)], shape)
        except Exception as error:  # noqa: BLE001 - any error is the field's
            column = Column(
                [selected.place.error_cell(error) for _source in sources], is_error_free=False
            )
        return finish_column(selected, column)


@dataclass(frozen=True, slots=True, eq=False)
class NestedConnectionReader(FieldReader):
    """Reads the connections of all objects of a level."""

    # The index of the column with the objects' keys.
    index: int

    @property
    def strategy(self) -> str:
        """One statement, however many objects there are."""
        return "statement for the lists of all"

    def read(self, execution: Execution, records: RowColumns) -> Column:
        """Return the connections; error cells for lists whose arguments are invalid."""
        selected, keys = self.selected, records.columns[self.index]
        failures: dict[Any, ErrorCell] = {}
        found: dict[Any, list[Row]] = {}
        values: Mapping[str, Any] = {}
        request = _ConnectionRequest.of(execution, selected)
        scope = request.scope()
        for key in dict.fromkeys(keys):
            try:
                # A cursor is valid in one list, so with cursors all lists but one fail.
                values = request.pager.values(request.compiled.order, f"{scope} {key}")
                found[key] = []
            except Exception as error:  # noqa: BLE001 - any error is the list's
                failures[key] = selected.place.error_cell(error)
        if not found:
            return finish_column(
                selected, Column([failures[key] for key in keys], is_error_free=not failures)
            )
        rows, shape = request.rows({**values, KEYS: list(found)})
        if len(found) == 1:
            found = dict(zip(found, [list(rows)], strict=True))
        else:
            for row in rows:
                found[row[-1]].append(row)
        lists = [_ListRows(key, f"{scope} {key}", rows) for key, rows in found.items()]
        column = execution.bounds.repeat(
            keys, len(found) + len(failures), lambda: request.column(lists, shape)
        )
        cells = {**dict(zip(found, column.cells, strict=True)), **failures}
        return finish_column(
            selected, Column([cells[key] for key in keys], column.is_error_free and not failures)
        )


@dataclass(frozen=True, slots=True)
class _ConnectionRequest:
    """A connection with its arguments, of all objects of a level."""

    execution: Execution
    selected: SelectedField
    extension: ConnectionExtension[Any]
    call: FieldArguments
    pager: Pager
    compiled: ConnectionPlan

    @classmethod
    def of(cls, execution: Execution, selected: SelectedField) -> "_ConnectionRequest":
        """Check the arguments. Raises the field's error."""
        extension = cast("ConnectionExtension[Any]", connection_of(selected))
        call = FieldArguments.of(execution, selected, PAGE_ARGUMENTS)
        try:
            pager = extension.pager(call.given)
        except Exception:
            # An error of the resolver comes first.
            _queryset(selected, call, execution.info(selected))
            raise
        compiled = call.cached(
            execution,
            selected,
            pager.shape,
            lambda: _compile_connection(execution, selected, extension, call, pager),
        )
        return cls(execution, selected, extension, call, pager, compiled)

    def scope(self) -> str:
        """Return the scope of the cursors."""
        return self.extension.scope(self.compiled.order, self.selected, self.call.given)

    def rows(self, values: Mapping[str, Any]) -> FoundRows:
        """Read the rows of all lists."""
        is_alone = len(values.get(KEYS, ())) <= 1
        source = self.compiled.single_source if is_alone else self.compiled.source
        return source.rows(self.execution, {**self.call.values, **values})

    def column(self, lists: Sequence[_ListRows], shape: RowShape) -> Column:
        """Return the connections of the lists, whose rows have this shape."""
        cut = [self.pager.cut(each.rows) for each in lists]
        lengths = [len(rows) for rows, _more in cut]
        rows = list(chain.from_iterable(some for some, _more in cut))
        records = RowColumns.of(rows, shape)
        connections = self._connections(lists, cut)
        subselection = self.selected.subselection(object_type(self.selected))
        columns = []
        for each in subselection.fields:
            if each.name == "nodes":
                column = self.compiled.readers[id(each)].column(self.execution, records)
                columns.append(finish_column(each, group_cells(column, lengths)))
            elif each.name == "edges":
                column = self._edges(each.subselection(object_type(each)), records, connections)
                columns.append(finish_column(each, group_cells(column, lengths)))
            else:
                columns.append(self.execution.field(each, connections))
        self.execution.add_level(subselection, columns, len(connections))
        return assemble_objects(subselection.object_factory, columns, len(connections))

    def _connections(
        self, lists: Sequence[_ListRows], cut: Sequence[tuple[Sequence[Row], bool]]
    ) -> Sequence[Any]:
        """Return the objects that resolve the fields other than `nodes` and `edges`."""
        keys: Sequence[Any] = [each.key for each in lists]
        if self.extension.parent is not None:
            keys = to_python_values(self.compiled.parent_key, keys)
        companions = ListCompanions(
            lambda: _queryset(self.selected, self.call, self.execution.info(self.selected)),
            self.extension.parent,
            keys,
            {},
        )
        compiled = self.compiled
        connections = []
        for each, key, (rows, more) in zip(lists, keys, cut, strict=True):
            positions = None
            if compiled.positioned:
                positioned = rows if compiled.positioned == "all" else [*rows[:1], *rows[-1:]]
                positions = [[row[index] for index in compiled.position] for row in positioned]
            page = PageFacts(positions, more, len(rows))
            connections.append(
                self.extension.connection(self.pager, page, each.scope, companions, key)
            )
        return connections

    def _edges(
        self, selection: Selection, records: RowColumns, connections: Sequence[Any]
    ) -> Column:
        columns = []
        for each in selection.fields:
            if each.name == "node":
                column = self.compiled.readers[id(each)].column(self.execution, records)
                columns.append(finish_column(each, column))
            elif each.name == "cursor":
                cursors = [cursor for each in connections for cursor in each.cursors()]
                columns.append(Column(cursors))
            else:
                columns.append(Column([selection.type.name] * records.size))
        self.execution.add_level(selection, columns, records.size)
        return assemble_objects(selection.object_factory, columns, records.size)


def item_type(selected: SelectedField) -> GraphQLObjectType:
    """Return the type of the connection's objects."""
    nodes = object_type(selected).fields["nodes"]
    return cast("GraphQLObjectType", get_named_type(nodes.type))


def _queryset(
    selected: SelectedField, call: FieldArguments, info: Info[Any, Any], bind: Bind | None = None
) -> QuerySet[Any]:
    """Return the whole list; with bind parameters instead of values if ``bind`` is given."""
    keywords = call.bind_arguments(bind)
    own = {name: value for name, value in keywords.items() if name not in PAGE_ARGUMENTS}
    rows = Execution.call(selected.strawberry_field, None, info, own)
    return visible_rows(rows, item_type(selected), info)


@dataclass(frozen=True, slots=True, eq=False)
class ConnectionRows:
    """The querysets of a connection's pages, for values or for bind parameters."""

    selected: SelectedField
    call: FieldArguments
    pager: Pager
    order: Any
    # The foreign key to the object that the list belongs to, and that object's primary key; None
    # for lists of the root.
    parent: str | None
    parent_key: Any
    layout: Layout

    def single(self, info: Info[Any, Any], bind: Bind) -> SelectedRows:
        """Build the queryset of one list's page."""
        rows = self._window(info, bind)
        if self.parent is None:
            return self.layout.select(self.pager.first(rows), info)
        found = first_children_of_one(
            rows, parent=self.parent, key=bind_only_key(bind), limit=self.pager.limit
        )
        return self.layout.select(found, info, PARENT)

    def many(self, info: Info[Any, Any], bind: Bind) -> SelectedRows:
        """Build the queryset of the pages of many lists."""
        rows = self._window(info, bind)
        found = first_children(
            rows,
            parent=cast("str", self.parent),
            keys=bind_keys(bind, self.parent_key),
            limit=self.pager.limit,
            rows=rows_to_read(rows),
        )
        return self.layout.select(found, info, PARENT)

    def _window(self, info: Info[Any, Any], bind: Bind) -> QuerySet[Any, Any]:
        rows = _queryset(self.selected, self.call, info, bind)
        return self.pager.window_rows(rows, self.order, bind)


def _compile_connection(
    execution: Execution,
    selected: SelectedField,
    extension: ConnectionExtension[Any],
    call: FieldArguments,
    pager: Pager,
) -> ConnectionPlan:
    layout = Layout()
    type_ = item_type(selected)
    model = cast("type[Model]", model_of(type_))
    items, positioned = _item_fields(selected)
    readers = {
        id(each): compile_reader(execution, each.subselection(type_), layout, model)
        for each in items
    }
    order = extension.order(_queryset(selected, call, execution.info(selected)))
    positions = pager.positions(order) if positioned else {}
    position = tuple(
        _position_index(layout, model, label, each) for label, each in positions.items()
    )
    parent = extension.parent
    owner = model_of(selected.parent)
    parent_key = owner._meta.pk if parent and owner else None
    rows = ConnectionRows(selected, call, pager, order, parent, parent_key, layout)
    is_cacheable = call.shape is not None
    source = RowSource(selected, rows.many, is_cacheable=is_cacheable)
    single_source = RowSource(selected, rows.single, is_cacheable=is_cacheable)
    return ConnectionPlan(source, single_source, readers, positioned, position, order, parent_key)


def _position_index(layout: Layout, model: type[Model], label: str, expression: Any) -> int:
    """Return the index of an expression's value among the columns."""
    if isinstance(expression, F):
        name: str = cast("Any", expression).name
        is_key = name == cast("Any", model._meta.pk).attname
        return layout.index(ALL if is_key else name)
    layout.annotations[label] = expression
    return layout.index(label)


def _item_fields(selected: SelectedField) -> tuple[list[SelectedField], Positions]:
    """Return the fields that select the objects, and whose positions are selected."""
    items: list[SelectedField] = []
    names: set[str] = set()
    for each in selected.subselection(object_type(selected)).fields:
        if each.name == "nodes":
            items.append(each)
        elif each.name in {"edges", "pageInfo"}:
            subselection = each.subselection(object_type(each)).fields
            names.update(inner.name for inner in subselection)
            items += (inner for inner in subselection if inner.name == "node")
    if "cursor" in names:
        return items, "all"
    return items, None if names.isdisjoint(ENDS) else "ends"
