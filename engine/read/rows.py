"""Columns of objects: a level is what a statement read, or a part of it."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from django.db import models
from strawberry import Info

from engine.plan.selection import SelectedField
from engine.read.sources import Row
from engine.result.completion import Column

if TYPE_CHECKING:
    from engine.walk import Execution

ALL: Final = "pk"


@dataclass(frozen=True, slots=True, eq=False)
class RowColumns:
    """Rows of one statement, by column, or some of them."""

    columns: Sequence[Sequence[Any]]
    size: int
    _cache: dict[Hashable, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[Row], width: int) -> "RowColumns":
        """Turn rows of so many columns on their side."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * width
        return cls(columns, len(rows))

    def where(self, mask: Sequence[bool]) -> "RowColumns":
        """Return the rows for which the mask is true."""
        if all(mask):
            return self
        columns = [list(compress(column, mask)) for column in self.columns]
        return RowColumns(columns, sum(mask))

    def cached(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what was made for these records under this key, or make it."""
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]


# From a level of records to a column of the answer.
ReadColumn: TypeAlias = Callable[["Execution", RowColumns], Column]


class InfoExpression(NamedTuple):
    """An annotation that depends on the requester."""

    make: Callable[[Info[Any, Any]], Any]


class Layout:
    """The columns that a statement has to select, as readers ask for them."""

    def __init__(self) -> None:
        """Begin with none."""
        self.indexes: dict[str, int] = {}
        self.annotations: dict[str, Any] = {}

    def index(self, path: str) -> int:
        """Return where the column at the path, in Django's notation, will be."""
        return self.indexes.setdefault(path, len(self.indexes))

    def select(
        self, rows: models.QuerySet[Any], info: Info[Any, Any], *more: str
    ) -> models.QuerySet[Any, Any]:
        """Have a queryset select the columns, and some more behind them."""
        if self.annotations:
            expressions = {
                label: each.make(info) if isinstance(each, InfoExpression) else each
                for label, each in self.annotations.items()
            }
            rows = rows.annotate(**expressions)
        paths = [*self.indexes, *more] or [ALL]
        return rows.values_list(*paths)


def complete_leaves(selected: SelectedField, values: Sequence[Any]) -> Column:
    """Complete values without fields of their own."""
    return selected.complete_values(values, _no_objects)


def scatter(column: Column, mask: Sequence[bool]) -> Column:
    """Return the column's cells where the mask is true, and null elsewhere."""
    if all(mask):
        return column
    cells = iter(column.cells)
    return Column(
        [next(cells) if is_present else None for is_present in mask], column.is_error_free
    )


def _no_objects(_values: Sequence[Any]) -> Column:
    raise TypeError("A leaf has no fields.")
