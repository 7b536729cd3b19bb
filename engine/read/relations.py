"""Relations: joined where possible, else one statement per level.

A relation is joined if the other side is visible as a whole.
"""

from typing import Any, Protocol

from django.db import models
from django.db.models import BooleanField, ExpressionWrapper, F, Q
from graphql import GraphQLObjectType
from strawberry import Info

from engine.execution import Execution
from engine.fields.declarations import definition_of, django_field, is_relay_id, object_type
from engine.fields.extensions import ReadColumn
from engine.internals.strawberry import visible_queryset
from engine.plan.selection import TYPENAME, SelectedField, Selection, finish_column
from engine.read.layout import ALL, Layout
from engine.read.sources import RowSource
from engine.result.completion import Column, collect_list
from engine.result.rows import RowColumns, scatter
from engine.sql.keys import KEYS, Bind, bind_keys, equals_any
from engine.sql.lateral import PARENT
from engine.sql.statements import ParameterReadError


class ObjectReader(Protocol):
    """Reads what is selected of a model's objects."""

    def column(self, execution: Execution, records: RowColumns) -> Column:
        """Return the objects of a level."""


class ParentReader(Protocol):
    """The reader of the objects that have a relation, while it is compiled."""

    execution: Execution
    layout: Layout
    model: type[models.Model]
    prefix: str

    def child(
        self, selection: Selection, layout: Layout, model: type[models.Model], prefix: str = ""
    ) -> ObjectReader:
        """Compile a reader of the objects on the other side."""


def read_relation(reader: ParentReader, selected: SelectedField, relation: Any) -> ReadColumn:
    """Return the reader of a relation."""
    if relation.many_to_many or relation.one_to_many:
        return _read_many(reader, selected, relation)
    if is_joined(reader.execution, selected, relation):
        return _read_joined(reader, selected, relation)
    return _read_one(reader, selected, relation)


def is_joined(execution: Execution, selected: SelectedField, relation: Any) -> bool:
    """Return whether the other side of a relation is joined, for this visibility."""
    if relation.many_to_many or relation.one_to_many or _is_annotated(selected):
        return False
    return _is_unfiltered(execution, selected, relation.related_model)


def visible_rows(
    rows: models.QuerySet[Any], type_: GraphQLObjectType, info: Info[Any, Any]
) -> models.QuerySet[Any]:
    """Return the rows that the requester sees as objects of the type."""
    return visible_queryset(rows, definition_of(type_).origin, info)


def in_order(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return the rows in their order, or by key if they have none."""
    return rows if rows.ordered or rows.query.is_sliced else rows.order_by("pk")


def _is_unfiltered(
    execution: Execution, selected: SelectedField, model: type[models.Model]
) -> bool:
    everything = model._base_manager.all()
    info = execution.parametrized_info(selected)
    try:
        query = visible_rows(everything, object_type(selected), info).query
    except ParameterReadError:
        return False
    return not query.where and not query.is_sliced and not query.distinct


def _is_annotated(selected: SelectedField) -> bool:
    """Return whether fields of the other side are annotations, which need a statement."""
    subselection = selected.subselection(object_type(selected)).fields
    return any(
        django_field(each).store.annotate
        for each in subselection
        if each.name != TYPENAME and not is_relay_id(each)
    )


def _read_joined(reader: ParentReader, selected: SelectedField, relation: Any) -> ReadColumn:
    prefix = f"{reader.prefix}{relation.name}__"
    index = _presence_index(reader.layout, prefix, relation)
    type_ = object_type(selected)
    child = reader.child(
        selected.subselection(type_), reader.layout, relation.related_model, prefix
    )

    def read(execution: Execution, records: RowColumns) -> Column:
        is_present = [value is not None and value is not False for value in records.columns[index]]
        column = child.column(execution, records.where(is_present))
        return finish_column(selected, scatter(column, is_present))

    return read


def _presence_index(layout: Layout, prefix: str, relation: Any) -> int:
    """Return the index of a column that is null without a related object.

    Without a constraint the key may be that of a deleted row, so the column is one of the row.
    """
    if not relation.concrete or relation.db_constraint:
        return layout.index(f"{prefix}{ALL}")
    fields = relation.related_model._meta.concrete_fields
    name = next(each.name for each in fields if not (each.null or each.primary_key))
    label = f"{relation.name}_is_there_{len(layout.annotations)}"
    is_there = Q(**{f"{prefix}{name}__isnull": False})
    layout.annotations[label] = ExpressionWrapper(is_there, output_field=BooleanField())
    return layout.index(label)


def _read_one(reader: ParentReader, selected: SelectedField, relation: Any) -> ReadColumn:
    model, type_ = relation.related_model, object_type(selected)
    if relation.concrete:
        own, other = relation.attname, relation.target_field.attname
    else:
        own, other = ALL, relation.field.attname
    index = reader.layout.index(f"{reader.prefix}{own}")
    layout = Layout()
    found_key = layout.index(other)
    child = reader.child(selected.subselection(type_), layout, model)

    def build(info: Info[Any, Any], bind: Bind) -> models.QuerySet[Any, Any]:
        # As Django reads single objects.
        manager = model._base_manager
        keys = bind_keys(bind, model._meta.get_field(other))
        rows = visible_rows(manager.filter(equals_any(other, keys)), type_, info)
        return layout.select(rows.order_by(), info)

    source = RowSource(selected, build)

    def read(execution: Execution, records: RowColumns) -> Column:
        keys = records.columns[index]
        wanted = list({key: None for key in keys if key is not None})
        if not wanted:
            return finish_column(selected, Column([None] * records.size))
        rows = source.rows(execution, {KEYS: wanted})
        found = RowColumns.of(rows, len(layout.indexes))
        present_keys = [key for key in keys if key is not None] if None in keys else keys
        column = execution.bounds.repeat(
            present_keys, len(wanted), lambda: child.column(execution, found)
        )
        cells = dict(zip(found.columns[found_key], column.cells, strict=True))
        return finish_column(
            selected, Column([cells.get(key) for key in keys], column.is_error_free)
        )

    return read


def _read_many(reader: ParentReader, selected: SelectedField, relation: Any) -> ReadColumn:
    model, type_ = relation.related_model, object_type(selected)
    back = _reverse_path(relation)
    index = reader.layout.index(f"{reader.prefix}{ALL}")
    layout = Layout()
    child = reader.child(selected.subselection(type_), layout, model)

    def build(info: Info[Any, Any], bind: Bind) -> models.QuerySet[Any, Any]:
        manager = model._default_manager
        rows = manager.annotate(**{PARENT: F(back)})
        keys = bind_keys(bind, reader.model._meta.pk)
        rows = rows.filter(equals_any(PARENT, keys))
        return layout.select(in_order(visible_rows(rows, type_, info)), info, PARENT)

    source = RowSource(selected, build)

    def read(execution: Execution, records: RowColumns) -> Column:
        keys = records.columns[index]
        lists: dict[Any, list[Any]] = {key: [] for key in keys}
        is_error_free = True
        if lists:
            rows = source.rows(execution, {KEYS: list(lists)})
            found = RowColumns.of(rows, len(layout.indexes) + 1)
            column = execution.bounds.repeat(
                keys, len(lists), lambda: child.column(execution, found)
            )
            is_error_free = column.is_error_free
            for key, cell in zip(found.columns[-1], column.cells, strict=True):
                lists[key].append(cell)
        cells: list[Any] = [lists[key] for key in keys]
        if not is_error_free:
            cells = [collect_list(each) for each in cells]
        return finish_column(selected, Column(cells, is_error_free))

    return read


def _reverse_path(relation: Any) -> str:
    """Return the path from the other side to the key of this one."""
    if relation.one_to_many:
        return str(relation.field.attname)
    if isinstance(relation, models.ManyToManyRel):
        return str(relation.field.name)
    return str(relation.related_query_name())
