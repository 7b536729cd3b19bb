"""Relations between models: joined if everybody sees the other side, else one statement a level."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import BooleanField, ExpressionWrapper, F, Q
from graphql import GraphQLObjectType
from strawberry import Info
from strawberry_django.queryset import run_type_get_queryset

from core.statements import SlotError
from schema.engine.declarations import definition_of, django_field, is_relay_id, object_type
from schema.engine.lateral import PARENT
from schema.engine.plan import TYPENAME, SelectedField
from schema.engine.rows import ALL, Layout, Read, Records, scattered
from schema.engine.sources import KEYS, Operand, Source, is_any_of, operand_of_keys
from schema.engine.values import Column, gathered, nullable, required

if TYPE_CHECKING:
    from schema.engine.execution import Execution
    from schema.engine.reader import Reader


def read_relation(reader: "Reader", selected: SelectedField, relation: Any) -> Read:
    """Return what reads the other side of a relation."""
    if relation.many_to_many or relation.one_to_many:
        return _read_many(reader, selected, relation)
    if is_joined(reader.execution, selected, relation):
        return _read_joined(reader, selected, relation)
    return _read_one(reader, selected, relation)


def is_joined(execution: "Execution", selected: SelectedField, relation: Any) -> bool:
    """Return whether the other side of a relation is joined for whoever asks."""
    if relation.many_to_many or relation.one_to_many or _is_annotated(selected):
        return False
    return _is_everybody_visible(execution, selected, relation.related_model)


def visible(
    rows: models.QuerySet[Any], type_: GraphQLObjectType, info: Info[Any, Any]
) -> models.QuerySet[Any]:
    """Return the rows that the type shows to whom the info is about."""
    return run_type_get_queryset(rows, definition_of(type_).origin, info)


def in_order(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Return the rows in their order, or in that of their keys if they have none."""
    return rows if rows.ordered or rows.query.is_sliced else rows.order_by("pk")


def _is_everybody_visible(
    execution: "Execution", selected: SelectedField, model: type[models.Model]
) -> bool:
    everybody = model._base_manager.all()
    info = execution.symbolic_info(selected)
    try:
        query = visible(everybody, object_type(selected), info).query
    except SlotError:
        return False
    return not query.where and not query.is_sliced and not query.distinct


def _is_annotated(selected: SelectedField) -> bool:
    """Return whether something is computed for the other side, which is done where it is read."""
    below = selected.below(object_type(selected)).fields
    return any(
        django_field(each).store.annotate
        for each in below
        if each.name != TYPENAME and not is_relay_id(each)
    )


def _read_joined(reader: "Reader", selected: SelectedField, relation: Any) -> Read:
    prefix = f"{reader.prefix}{relation.name}__"
    index = _presence(reader.layout, prefix, relation)
    type_ = object_type(selected)
    child = reader.child(selected.below(type_), reader.layout, relation.related_model, prefix)

    def read(execution: "Execution", records: Records) -> Column:
        there = [value is not None and value is not False for value in records.columns[index]]
        column = child.column(execution, records.where(there))
        return finished(selected, scattered(column, there))

    return read


def _presence(layout: Layout, prefix: str, relation: Any) -> int:
    """Return where it is told whether there is an object on the other side.

    Its key may be that of a row that is gone, if no constraint forbids it; so a column is asked
    that only the row itself has.
    """
    if not relation.concrete or relation.db_constraint:
        return layout.index(f"{prefix}{ALL}")
    fields = relation.related_model._meta.concrete_fields
    name = next(each.name for each in fields if not (each.null or each.primary_key))
    label = f"{relation.name}_is_there_{len(layout.annotations)}"
    is_there = Q(**{f"{prefix}{name}__isnull": False})
    layout.annotations[label] = ExpressionWrapper(is_there, output_field=BooleanField())
    return layout.index(label)


def _read_one(reader: "Reader", selected: SelectedField, relation: Any) -> Read:
    model, type_ = relation.related_model, object_type(selected)
    if relation.concrete:
        own, other = relation.attname, relation.target_field.attname
    else:
        own, other = ALL, relation.field.attname
    index = reader.layout.index(f"{reader.prefix}{own}")
    layout = Layout()
    found_key = layout.index(other)
    child = reader.child(selected.below(type_), layout, model)

    def build(info: Info[Any, Any], operand: Operand) -> models.QuerySet[Any, Any]:
        # By Django's rule for single objects.
        manager = model._base_manager
        keys = operand_of_keys(operand, model._meta.get_field(other))
        rows = visible(manager.filter(is_any_of(other, keys)), type_, info)
        return layout.select(rows.order_by(), info)

    source = Source(selected, build)

    def read(execution: "Execution", records: Records) -> Column:
        keys = records.columns[index]
        wanted = list({key: None for key in keys if key is not None})
        if not wanted:
            return finished(selected, Column([None] * records.size))
        rows = source.rows(execution, {KEYS: wanted})
        found = Records.of(rows, len(layout.indexes))
        there = [key for key in keys if key is not None] if None in keys else keys
        column = execution.bounds.repeated(
            there, len(wanted), lambda: child.column(execution, found)
        )
        cells = dict(zip(found.columns[found_key], column.cells, strict=True))
        return finished(selected, Column([cells.get(key) for key in keys], column.sound))

    return read


def _read_many(reader: "Reader", selected: SelectedField, relation: Any) -> Read:
    model, type_ = relation.related_model, object_type(selected)
    back = _from_behind(relation)
    index = reader.layout.index(f"{reader.prefix}{ALL}")
    layout = Layout()
    child = reader.child(selected.below(type_), layout, model)

    def build(info: Info[Any, Any], operand: Operand) -> models.QuerySet[Any, Any]:
        manager = model._default_manager
        rows = manager.annotate(**{PARENT: F(back)})
        keys = operand_of_keys(operand, reader.model._meta.pk)
        rows = rows.filter(is_any_of(PARENT, keys))
        return layout.select(in_order(visible(rows, type_, info)), info, PARENT)

    source = Source(selected, build)

    def read(execution: "Execution", records: Records) -> Column:
        keys = records.columns[index]
        lists: dict[Any, list[Any]] = {key: [] for key in keys}
        sound = True
        if lists:
            rows = source.rows(execution, {KEYS: list(lists)})
            found = Records.of(rows, len(layout.indexes) + 1)
            column = execution.bounds.repeated(
                keys, len(lists), lambda: child.column(execution, found)
            )
            sound = column.sound
            for key, cell in zip(found.columns[-1], column.cells, strict=True):
                lists[key].append(cell)
        cells: list[Any] = [lists[key] for key in keys]
        if not sound:
            cells = [gathered(each) for each in cells]
        return finished(selected, Column(cells, sound))

    return read


def _from_behind(relation: Any) -> str:
    """Return what the other side calls the key of this one."""
    if relation.one_to_many:
        return str(relation.field.attname)
    if isinstance(relation, models.ManyToManyRel):
        return str(relation.field.name)
    return str(relation.related_query_name())


def finished(selected: SelectedField, column: Column) -> Column:
    """Return the column of a field, with null where that may be and failures where it may not."""
    if selected.is_required:
        return required(column, selected.place)
    return nullable(column)
