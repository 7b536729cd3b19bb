"""Model instances, for fields whose resolver takes one."""

from collections.abc import Sequence
from typing import Any, cast

from django.db import models

from engine.sql.keys import to_python_values


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
