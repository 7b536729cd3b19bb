"""Rows of one statement, by column."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, NamedTuple, TypeAlias

from engine.result.completion import Column

Row: TypeAlias = tuple[Any, ...]


class RowShape(NamedTuple):
    """The columns of one statement."""

    width: int
    # The queryset's own annotations, for resolvers that read them: index and model field, by name.
    annotations: Mapping[str, tuple[int, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class RowColumns:
    """Rows of one statement, or some of them, by column."""

    columns: Sequence[Sequence[Any]]
    size: int
    shape: RowShape
    _cache: dict[Hashable, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[Row], shape: RowShape) -> "RowColumns":
        """Transpose rows into columns."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * shape.width
        return cls(columns, len(rows), shape)

    def where(self, mask: Sequence[bool]) -> "RowColumns":
        """Return the rows for which the mask is true."""
        if all(mask):
            return self
        columns = [list(compress(column, mask)) for column in self.columns]
        return RowColumns(columns, sum(mask), self.shape)

    def cached(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return the value cached for these rows, or make it."""
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]


def scatter(column: Column, mask: Sequence[bool]) -> Column:
    """Return the column's cells where the mask is true, and null elsewhere."""
    if all(mask):
        return column
    cells = iter(column.cells)
    return Column(
        [next(cells) if is_present else None for is_present in mask], column.is_error_free
    )
