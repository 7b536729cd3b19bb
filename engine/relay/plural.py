"""Plural identification (Relay): the objects with some ids, each at the place of its id."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, cast
from uuid import UUID

from django.db.models import Model, QuerySet
from graphql import GraphQLAbstractType, get_named_type
from strawberry import Info
from strawberry_django.optimizer import optimizer

from engine.execution import Execution, FieldResolver
from engine.fields.declarations import possible_types
from engine.fields.extensions import PluralExtension
from engine.internals.strawberry import core_info, model_of
from engine.plan.selection import SelectedField
from engine.read.layout import ALL, Layout, SelectedRows
from engine.read.objects import ObjectReader
from engine.read.reader import compile_reader
from engine.read.relations import visible_rows
from engine.read.sources import RowSource
from engine.result.completion import Column
from engine.result.rows import RowColumns
from engine.sql.keys import KEYS, Bind, bind_keys, equals_any


class RowKey(NamedTuple):
    """The primary key of a row that is an object of the field's type."""

    model: type[Model]
    key: Any


# Returns the rows of a model among which keys are looked up.
Rows: TypeAlias = Callable[[type[Model], Info[Any, Any]], QuerySet[Any]]


class Plural(PluralExtension):
    """Resolves a field to the objects that its resolver names, in their order.

    The resolver returns a list of a `RowKey`, another object or None for each place; or one of
    these, of a field that is no list. The rows that the requester sees, of those that ``rows``
    returns, are read with one statement per type; the places of others are null.
    """

    def __init__(self, rows: Rows) -> None:
        """Take what the types' own `get_queryset` is applied to."""
        self.rows = rows

    def resolve(
        self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **kwargs: Any
    ) -> Any:
        """Return the objects, for graphql-core: of fields that are no lists, one by one."""
        value = next_(source, info, **kwargs)
        if isinstance(value, list):
            return self._objects(value, info)
        (found,) = self._objects([value], info)
        return found

    def _objects(self, entries: Sequence[Any], info: Info[Any, Any]) -> list[Any]:
        raw = core_info(info)
        named = cast("GraphQLAbstractType", get_named_type(raw.return_type))
        types = {model_of(each): each for each in raw.schema.get_possible_types(named)}
        found: dict[Any, Any] = {}
        for model, indexes in _by_model(entries).items():
            if model is None:
                continue
            keys = {entries[index].key for index in indexes}
            visible = visible_rows(self.rows(model, info).filter(pk__in=keys), types[model], info)
            optimize = optimizer.get()
            rows = list(optimize.optimize(visible, info) if optimize else visible)
            if hasattr(info.context, "expect"):
                info.context.expect(rows)
            found |= {RowKey(model, row.pk): row for row in rows}
        return [found.get(each) if isinstance(each, RowKey) else each for each in entries]


@dataclass(frozen=True, slots=True, eq=False)
class _TypePlan:
    """What reads the objects of one type, for one visibility."""

    source: RowSource
    reader: ObjectReader
    # The index of the column with the primary key.
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class PluralResolver(FieldResolver):
    """Reads the rows whose keys the field's resolver returns."""

    @property
    def strategy(self) -> str:
        """However many objects there are of a type."""
        return "statement for each type"

    def resolve(self, execution: Execution, sources: Sequence[Any]) -> Column:
        """Return the list of each object."""
        lists = [self._entries(execution, source) for source in sources]
        return self.selected.complete_values(lists, lambda some: self._objects(execution, some))

    def _entries(self, execution: Execution, source: Any) -> Any:
        """Return what the resolver returns or raises."""
        selected = self.selected
        try:
            keywords = execution.keywords(selected, selected.arguments(execution.variables))
            info = execution.info(selected)
            return execution.call(selected.strawberry_field, source, info, keywords)
        except Exception as error:  # noqa: BLE001 - any error is the field's
            return error

    def _objects(self, execution: Execution, entries: Sequence[Any]) -> Column:
        """Return the objects, and null for rows that the requester does not see."""
        cells: list[Any] = [None] * len(entries)
        is_error_free = True
        for model, indexes in _by_model(entries).items():
            some = [entries[index] for index in indexes]
            if model is None:
                column = execution.complete_objects(self.selected, some)
            else:
                column = self._read(execution, model, list(map(_key, some)))
            is_error_free = is_error_free and column.is_error_free
            for index, cell in zip(indexes, column.cells, strict=True):
                cells[index] = cell
        return Column(cells, is_error_free)

    def _read(self, execution: Execution, model: type[Model], keys: Sequence[Any]) -> Column:
        """Return the objects with the keys; error cells if they cannot be read."""
        wanted = list(dict.fromkeys(keys))
        try:
            plan = self._plan(execution, model)
            rows = plan.source.rows(execution, {KEYS: wanted})
        except Exception as error:  # noqa: BLE001 - any error is the objects'
            return Column([self.selected.place.error_cell(error)] * len(keys), is_error_free=False)
        records = RowColumns.of(*rows)
        column = execution.bounds.repeat(
            keys, len(wanted), lambda: plan.reader.column(execution, records)
        )
        cells = dict(zip(records.columns[plan.index], column.cells, strict=True))
        return Column([cells.get(key) for key in keys], column.is_error_free)

    def _plan(self, execution: Execution, model: type[Model]) -> _TypePlan:
        """Return what reads the objects of a type; compiled once per visibility."""
        selected = self.selected
        if not execution.is_shared:
            return _compile(execution, selected, model)
        kind = (execution.context.visibility(), model)
        compiled = selected.plan.compiled(
            selected, kind, lambda: _compile(execution, selected, model)
        )
        return cast("_TypePlan", compiled)


def _compile(execution: Execution, selected: SelectedField, model: type[Model]) -> _TypePlan:
    type_ = next(each for each in possible_types(selected) if model_of(each) is model)
    layout = Layout()
    index = layout.index(ALL)
    reader = compile_reader(execution, selected.subselection(type_), layout, model)
    (plural,) = (each for each in selected.strawberry_field.extensions if isinstance(each, Plural))

    def build(info: Info[Any, Any], bind: Bind) -> SelectedRows:
        keys = equals_any(ALL, bind_keys(bind, model._meta.pk))
        rows = visible_rows(plural.rows(model, info).filter(keys), type_, info).order_by()
        return layout.select(rows, info)

    return _TypePlan(RowSource(selected, build), reader, index)


def _by_model(entries: Sequence[Any]) -> dict[type[Model] | None, list[int]]:
    """Return the places of each model's rows, and those of other objects under None."""
    places: defaultdict[type[Model] | None, list[int]] = defaultdict(list)
    for index, each in enumerate(entries):
        if each is not None:
            places[each.model if isinstance(each, RowKey) else None].append(index)
    return places


def _key(row: RowKey) -> Any:
    """Return the key as rows have it: sources read UUIDs as text."""
    return str(row.key) if isinstance(row.key, UUID) else row.key
