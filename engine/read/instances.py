"""Model instances, for fields whose resolver takes one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db import models

from engine.execution import Execution
from engine.fields.declarations import django_field, django_result
from engine.fields.extensions import FieldReader
from engine.plan.arguments import IMMUTABLE
from engine.result.completion import Column
from engine.result.rows import RowColumns
from engine.sql.keys import to_python_values


@dataclass(frozen=True, slots=True, eq=False)
class InstanceReader:
    """Makes the model instances that the resolvers of a level share."""

    model: type[models.Model]
    # The columns that resolvers declare, by their paths in Django's notation.
    columns: Mapping[tuple[str, ...], int]
    # Whether the objects are joined, so that the queryset's annotations are others'.
    is_joined: bool

    def instances(self, execution: Execution, records: RowColumns) -> Sequence[models.Model]:
        """Return the objects as model instances, with the columns that their resolvers declare.

        They are announced to the context, which loads for all of them at once.
        """

        def make() -> list[models.Model]:
            columns = [records.columns[index] for index in self.columns.values()]
            made = make_instances(self.model, list(self.columns), columns, records.size)
            self._annotate(made, records)
            execution.expect(made)
            return made

        return cast("list[models.Model]", records.cached(self, make))

    def _annotate(self, instances: Sequence[models.Model], records: RowColumns) -> None:
        """Set the annotations of the queryset."""
        if self.is_joined:
            return
        for name, (index, field) in records.shape.annotations.items():
            values = to_python_values(field, records.columns[index])
            for instance, value in zip(instances, values, strict=True):
                setattr(instance, name, value)


@dataclass(frozen=True, slots=True, eq=False)
class ResolverReader(FieldReader):
    """Calls the field's resolver with an instance of each object."""

    instances: InstanceReader

    @property
    def strategy(self) -> str:
        """How often the resolver is called."""
        return "resolver, called for each"

    def read(self, execution: Execution, records: RowColumns) -> Column:
        """Return what the resolver returns or raises for each object, completed."""
        selected = self.selected
        strawberry_field = django_field(selected)
        info = execution.info(selected)
        keywords = execution.keywords_of_each(selected)
        values: list[Any] = []
        for instance in self.instances.instances(execution, records):
            try:
                value = execution.call(strawberry_field, instance, info, keywords())
                is_plain = type(value) in IMMUTABLE
                values.append(value if is_plain else django_result(strawberry_field, value, info))
            except Exception as error:  # noqa: BLE001 - any error is the object's
                values.append(error)
        return execution.complete_values(selected, values)


def make_instances(
    model: type[models.Model],
    paths: Sequence[tuple[str, ...]],
    columns: Sequence[Sequence[Any]],
    size: int,
) -> list[Any]:
    """Make instances of columns, with related instances for paths through relations."""
    own_columns = {
        path[0]: column for path, column in zip(paths, columns, strict=True) if len(path) == 1
    }
    # In the order that `from_db` expects.
    attnames = (field.attname for field in model._meta.concrete_fields)
    names = [name for name in attnames if name in own_columns]
    columns_of_values = (
        to_python_values(model._meta.get_field(name), own_columns[name]) for name in names
    )
    rows = zip(*columns_of_values, strict=True) if own_columns else [()] * size
    instances = [model.from_db(None, names, list(row)) for row in rows]
    relations = {path[0]: None for path in paths if len(path) > 1}
    for relation in relations:
        subselection = [
            (path[1:], column)
            for path, column in zip(paths, columns, strict=True)
            if path[0] == relation and len(path) > 1
        ]
        related_field = cast("Any", model._meta.get_field(relation))
        related = make_instances(
            related_field.related_model,
            [path for path, _column in subselection],
            [column for _path, column in subselection],
            size,
        )
        for instance, other in zip(instances, related, strict=True):
            related_field.set_cached_value(instance, other if other.pk is not None else None)
    return instances
