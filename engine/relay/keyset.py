"""Keyset pagination: positions in the order of a queryset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.db.models import BooleanField, DateTimeField, F, Func, QuerySet, TextField, Value
from django.db.models.expressions import OrderBy
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan, LessThan

from engine.relay.errors import InvalidCursorError
from engine.sql.statements import Param

POSITION = "keyset_position_"


@dataclass(frozen=True, slots=True)
class Keyset:
    """The expressions of an ordering: unique together, and none NULL.

    All have one direction, so that a position is compared as one row of values, which an index over
    the expressions serves at any position.
    """

    expressions: tuple[Any, ...]
    fields: tuple[Any, ...]
    descending: bool
    # Identifies the order in the scope of cursors.
    name: str

    @classmethod
    def of(cls, queryset: QuerySet[Any]) -> Self:
        """Return the keyset of a queryset. Raises `TypeError` without an order in one direction."""
        terms = [_term(term) for term in queryset.query.order_by]
        directions = {term.descending for term in terms}
        if len(directions) != 1:
            raise TypeError("A keyset needs an order in one direction.")
        expressions = tuple(term.expression for term in terms)
        resolved = (each.resolve_expression(queryset.query) for each in expressions)
        descending = directions.pop()
        name = f"{'-' if descending else ''}{expressions}"
        return cls(expressions, tuple(each.output_field for each in resolved), descending, name)

    def terms(self, *, backwards: bool) -> list[OrderBy]:
        """Return the terms to order by, forwards or backwards."""
        descending = self.descending != backwards
        return [OrderBy(expression, descending=descending) for expression in self.expressions]

    def behind(self, position: Sequence[Any]) -> Any:
        """Return the condition that a row comes after the position."""
        return self._compare(LessThan if self.descending else GreaterThan, position)

    def ahead(self, position: Sequence[Any]) -> Any:
        """Return the condition that a row comes before the position."""
        return self._compare(GreaterThan if self.descending else LessThan, position)

    def positions(self) -> dict[str, Any]:
        """Return the annotations that `position_of` reads.

        Timestamps are read as text, as cursors contain them.
        """
        shown = (
            Cast(each, TextField()) if isinstance(field, DateTimeField) else each
            for each, field in zip(self.expressions, self.fields, strict=True)
        )
        return dict(zip(self._labels, shown, strict=True))

    def position_of(self, row: Any) -> list[Any] | None:
        """Return the position of a row; None if it was read without."""
        if not all(label in vars(row) for label in self._labels):
            return None
        return [getattr(row, label) for label in self._labels]

    def check(self, position: Sequence[Any]) -> Sequence[Any]:
        """Return the position. Raises `InvalidCursorError` for one in another order."""
        if len(position) != len(self.fields):
            raise InvalidCursorError
        return position

    @property
    def _labels(self) -> Sequence[str]:
        return [f"{POSITION}{number}" for number in range(len(self.expressions))]

    def _compare(self, lookup: type[GreaterThan | LessThan], position: Sequence[Any]) -> Any:
        """Compare row-wise. Raises `InvalidCursorError` for a position in another order."""
        self.check(position)
        values = [
            each.then(field.to_python)
            if isinstance(each, Param)
            else Value(field.to_python(each), output_field=field)
            for field, each in zip(self.fields, position, strict=True)
        ]
        if len(values) == 1:
            return lookup(self.expressions[0], values[0])
        return lookup(_row(self.expressions), _row(values))


def _term(term: Any) -> OrderBy:
    if isinstance(term, OrderBy):
        return term
    if not isinstance(term, str):
        return OrderBy(term)
    return OrderBy(F(term.removeprefix("-")), descending=term.startswith("-"))


def _row(expressions: Sequence[Any]) -> Func:
    return Func(*expressions, function="ROW", output_field=BooleanField())
