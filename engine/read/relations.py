"""Relations: joined where possible, else one statement per level.

A relation is joined if the other side is visible as a whole.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from django.db import models
from django.db.models import BooleanField, ExpressionWrapper, F, Q
from graphql import GraphQLObjectType
from strawberry import Info

from engine.execution import Execution
from engine.fields.declarations import definition_of, django_field, is_relay_id, object_type
from engine.fields.extensions import FieldReader
from engine.internals.strawberry import visible_queryset
from engine.plan.selection import TYPENAME, SelectedField, Selection, finish_column
from engine.read.layout import ALL, Layout, SelectedRows
from engine.read.objects import ObjectReader
from engine.read.sources import RowSource
from engine.result.completion import Column, collect_list
from engine.result.rows import RowColumns, scatter
from engine.sql.keys import KEYS, Bind, bind_keys, equals_any
from engine.sql.lateral import PARENT
from engine.sql.statements import ParameterReadError


class ParentLevel(Protocol):
    """The level of the objects that have a relation, while its reader is compiled."""

    execution: Execution
    layout: Layout
    model: type[models.Model]
    prefix: str

    def child(
        self, selection: Selection, layout: Layout, model: type[models.Model], prefix: str = ""
    ) -> ObjectReader:
        """Compile a reader of the objects on the other side."""


def compile_relation(
    level: ParentLevel, selected: SelectedField, relation: Any
) -> "RelationReader":
    """Compile the reader of a relation."""
    if relation.many_to_many or relation.one_to_many:
        return _compile_list(level, selected, relation)
    if not _is_annotated(selected) and _is_unfiltered(
        level.execution, selected, relation.related_model
    ):
        return _compile_joined(level, selected, relation)
    return _compile_single(level, selected, relation)


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
    # Resolvers may read annotations of the queryset.
    return not (query.where or query.is_sliced or query.distinct or query.annotations)


def _is_annotated(selected: SelectedField) -> bool:
    """Return whether fields of the other side are annotations, which need a statement."""
    subselection = selected.subselection(object_type(selected)).fields
    return any(
        django_field(each).store.annotate
        for each in subselection
        if each.name != TYPENAME and not is_relay_id(each)
    )


@dataclass(frozen=True, slots=True, eq=False)
class RelationReader(FieldReader):
    """Reads the objects on the other side of a relation."""

    objects: ObjectReader


@dataclass(frozen=True, slots=True, eq=False)
class JoinedReader(RelationReader):
    """Reads single objects whose columns are in the rows of the level."""

    # The index of a column that is null or false if there is no object.
    presence: int

    @property
    def strategy(self) -> str:
        """There is no statement."""
        return "joined"

    def read(self, execution: Execution, records: RowColumns) -> Column:
        """Return the objects, and null where there is none."""
        values = records.columns[self.presence]
        if None not in values and False not in values:
            return finish_column(self.selected, self.objects.column(execution, records))
        is_present = [value is not None and value is not False for value in values]
        column = self.objects.column(execution, records.where(is_present))
        return finish_column(self.selected, scatter(column, is_present))


def _compile_joined(level: ParentLevel, selected: SelectedField, relation: Any) -> RelationReader:
    prefix = f"{level.prefix}{relation.name}__"
    index = _presence_index(level.layout, prefix, relation)
    selection = selected.subselection(object_type(selected))
    objects = level.child(selection, level.layout, relation.related_model, prefix)
    return JoinedReader(selected, objects, index)


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


@dataclass(frozen=True, slots=True, eq=False)
class RelatedRows:
    """The queryset of the objects on the other side, for the keys of a level."""

    selected: SelectedField
    layout: Layout
    model: type[models.Model]
    # The path to the column, or the annotation of it, that has the level's keys; and its field.
    path: str
    key: Any

    def single(self, info: Info[Any, Any], bind: Bind) -> SelectedRows:
        """Build the queryset of single objects, as Django reads them: in no order."""
        keys = equals_any(self.path, bind_keys(bind, self.key))
        rows = visible_rows(self.model._base_manager.filter(keys), object_type(self.selected), info)
        return self.layout.select(rows.order_by(), info)

    def lists(self, info: Info[Any, Any], bind: Bind) -> SelectedRows:
        """Build the queryset of lists; each row has its parent's key."""
        rows = self.model._default_manager.annotate(**{PARENT: F(self.path)})
        rows = rows.filter(equals_any(PARENT, bind_keys(bind, self.key)))
        rows = in_order(visible_rows(rows, object_type(self.selected), info))
        return self.layout.select(rows, info, PARENT)


@dataclass(frozen=True, slots=True, eq=False)
class StatementReader(RelationReader):
    """Reads the objects of all rows of the level with one statement."""

    source: RowSource
    # The index of the column with the keys by which the statement finds the objects.
    index: int

    @property
    def strategy(self) -> str:
        """One statement, however many objects there are."""
        return "statement for all"


@dataclass(frozen=True, slots=True, eq=False)
class SingleReader(StatementReader):
    """Reads one object for each row of the level, or none."""

    # The index of the column of the objects found that has the key.
    found_index: int

    def read(self, execution: Execution, records: RowColumns) -> Column:
        """Return the objects, and null where there is none."""
        selected = self.selected
        keys = records.columns[self.index]
        wanted = list({key: None for key in keys if key is not None})
        if not wanted:
            return finish_column(selected, Column([None] * records.size))
        found = RowColumns.of(*self.source.rows(execution, {KEYS: wanted}))
        present_keys = [key for key in keys if key is not None] if None in keys else keys
        column = execution.bounds.repeat(
            present_keys, len(wanted), lambda: self.objects.column(execution, found)
        )
        cells = dict(zip(found.columns[self.found_index], column.cells, strict=True))
        return finish_column(
            selected, Column([cells.get(key) for key in keys], column.is_error_free)
        )


def _compile_single(level: ParentLevel, selected: SelectedField, relation: Any) -> RelationReader:
    model = relation.related_model
    if relation.concrete:
        own, other = relation.attname, relation.target_field.attname
    else:
        own, other = ALL, relation.field.attname
    index = level.layout.index(f"{level.prefix}{own}")
    layout = Layout()
    found_index = layout.index(other)
    objects = level.child(selected.subselection(object_type(selected)), layout, model)
    rows = RelatedRows(selected, layout, model, other, model._meta.get_field(other))
    source = RowSource(selected, rows.single)
    return SingleReader(selected, objects, source, index, found_index)


@dataclass(frozen=True, slots=True, eq=False)
class ListReader(StatementReader):
    """Reads a list of objects for each row of the level."""

    def read(self, execution: Execution, records: RowColumns) -> Column:
        """Return the lists."""
        keys = records.columns[self.index]
        lists: dict[Any, list[Any]] = {key: [] for key in keys}
        is_error_free = True
        if lists:
            found = RowColumns.of(*self.source.rows(execution, {KEYS: list(lists)}))
            column = execution.bounds.repeat(
                keys, len(lists), lambda: self.objects.column(execution, found)
            )
            is_error_free = column.is_error_free
            for key, cell in zip(found.columns[-1], column.cells, strict=True):
                lists[key].append(cell)
        cells: list[Any] = list(map(lists.__getitem__, keys))
        if not is_error_free:
            cells = [collect_list(each) for each in cells]
        return finish_column(self.selected, Column(cells, is_error_free))


def _compile_list(level: ParentLevel, selected: SelectedField, relation: Any) -> RelationReader:
    model = relation.related_model
    index = level.layout.index(f"{level.prefix}{ALL}")
    layout = Layout()
    objects = level.child(selected.subselection(object_type(selected)), layout, model)
    rows = RelatedRows(selected, layout, model, _reverse_path(relation), level.model._meta.pk)
    return ListReader(selected, objects, RowSource(selected, rows.lists), index)


def _reverse_path(relation: Any) -> str:
    """Return the path from the other side to the key of this one."""
    if relation.one_to_many:
        return str(relation.field.attname)
    if isinstance(relation, models.ManyToManyRel):
        return str(relation.field.name)
    return str(relation.related_query_name())
