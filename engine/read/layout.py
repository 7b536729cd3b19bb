"""The columns that a statement selects."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from django.db import models
from strawberry import Info

from engine.sql.lateral import PARENT

ALL: Final = "pk"


class InfoExpression(NamedTuple):
    """An annotation that depends on the requester."""

    make: Callable[[Info[Any, Any]], Any]


class Layout:
    """The columns that a statement selects.

    Readers register theirs when they are compiled. It is complete when the queryset is built, which
    may have annotations of its own.
    """

    def __init__(self) -> None:
        """Start without columns."""
        self.indexes: dict[str, int] = {}
        self.annotations: dict[str, Any] = {}
        # Annotations of the queryset, with their model fields, for resolvers that read them.
        self.carried: dict[str, Any] = {}
        self.has_instances = False

    def index(self, path: str) -> int:
        """Return the index of the column at the path, in Django's notation."""
        return self.indexes.setdefault(path, len(self.indexes))

    def carry(self, rows: models.QuerySet[Any]) -> None:
        """Select the queryset's annotations too, if instances are made. Call before `select`."""
        if self.has_instances:
            for name, expression in rows.query.annotation_select.items():
                if name != PARENT:
                    self.index(name)
                    self.carried[name] = expression.output_field

    def select(
        self, rows: models.QuerySet[Any], info: Info[Any, Any], *more: str
    ) -> models.QuerySet[Any, Any]:
        """Return the queryset selecting the columns, and ``more`` after them."""
        if self.annotations:
            expressions = {
                label: each.make(info) if isinstance(each, InfoExpression) else each
                for label, each in self.annotations.items()
            }
            rows = rows.annotate(**expressions)
        paths = [*self.indexes, *more] or [ALL]
        return rows.values_list(*paths)
