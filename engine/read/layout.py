"""The columns that a statement selects."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from django.db import models
from strawberry import Info

from engine.result.rows import RowShape
from engine.sql.lateral import PARENT

ALL: Final = "pk"


class InfoExpression(NamedTuple):
    """An annotation that depends on the requester."""

    make: Callable[[Info[Any, Any]], Any]


class SelectedRows(NamedTuple):
    """A queryset of columns."""

    rows: models.QuerySet[Any, Any]
    shape: RowShape


class Layout:
    """The columns that all statements of a level select.

    Readers register theirs when they are compiled. A statement also selects the annotations that
    its queryset has, which may differ by request.
    """

    def __init__(self) -> None:
        """Start without columns."""
        self.indexes: dict[str, int] = {}
        self.annotations: dict[str, Any] = {}
        # Whether resolvers may read the queryset's own annotations.
        self.has_instances = False

    def index(self, path: str) -> int:
        """Return the index of the column at the path, in Django's notation."""
        return self.indexes.setdefault(path, len(self.indexes))

    def select(self, rows: models.QuerySet[Any], info: Info[Any, Any], *more: str) -> SelectedRows:
        """Return the queryset selecting the columns, and ``more`` after them.

        If instances are made, its annotations are selected as well.
        """
        carried = rows.query.annotation_select if self.has_instances else {}
        fields = {name: each.output_field for name, each in carried.items() if name != PARENT}
        if self.annotations:
            expressions = {
                label: each.make(info) if isinstance(each, InfoExpression) else each
                for label, each in self.annotations.items()
            }
            rows = rows.annotate(**expressions)
        indexes = dict(self.indexes)
        for name in fields:
            indexes.setdefault(name, len(indexes))
        paths = [*indexes, *more]
        shape = RowShape(len(paths), {name: (indexes[name], fields[name]) for name in fields})
        return SelectedRows(rows.values_list(*(paths or [ALL])), shape)
