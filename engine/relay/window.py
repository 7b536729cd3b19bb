"""Keyset pages of one list or of many parents, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from engine.relay.keyset import Keyset
from engine.sql.filtered_page import first_rows
from engine.sql.lateral import fetch_first_children

Position = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the list's order, and whether more follow."""

    rows: list[Any]
    more: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a list: ``size`` rows from one end, between two positions."""

    size: int
    backwards: bool
    after: Position | None = None
    before: Position | None = None

    def page(self, queryset: QuerySet[Any]) -> Page:
        """Read the page of one list, in the queryset's order.

        Raises `InvalidCursorError` for positions in another order, here and below.
        """
        return self.cut(list(first_rows(self.window_rows(queryset), self.limit)))

    def pages(
        self, queryset: QuerySet[Any], *, parent: str, keys: Sequence[Any], rows: QuerySet[Any]
    ) -> dict[Any, Page]:
        """Read the page of each parent's list, by the parent's key, in one statement.

        The arguments are those of `first_children`, which says which index they need.
        """
        found = fetch_first_children(
            self.window_rows(queryset), parent=parent, keys=keys, limit=self.limit, rows=rows
        )
        return {key: self.cut(some) for key, some in found.items()}

    def window_rows(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows between the positions, ordered from the end of the page."""
        keyset = Keyset.of(queryset)
        if self.after is not None:
            queryset = queryset.filter(keyset.behind(self.after))
        if self.before is not None:
            queryset = queryset.filter(keyset.ahead(self.before))
        return queryset.order_by(*keyset.terms(backwards=self.backwards))

    @property
    def limit(self) -> int:
        """How many rows to read: one more than the page."""
        return self.size + 1

    def cut(self, rows: list[Any]) -> Page:
        """Return the page of the rows that were read."""
        some = rows[: self.size]
        return Page(some[::-1] if self.backwards else some, more=len(rows) > self.size)
