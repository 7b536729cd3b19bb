"""The arguments of a page: a size, a direction and cursors."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Self, cast

from django.db import models

from engine.relay.cursors import unseal_position
from engine.relay.errors import PageSizeMissingError, PageSizeRangeError
from engine.relay.keyset import Keyset
from engine.relay.window import Window
from engine.sql.filtered_page import candidates, first_rows
from engine.sql.keys import Bind
from engine.sql.statements import Param

# The largest page.
MAX_PAGE: Final = 100
ARGUMENTS: Final = {
    "first": f"How many items from the start, 1 to {MAX_PAGE}; either this or `last`.",
    "after": "Only items behind this cursor.",
    "last": f"How many items from the end, 1 to {MAX_PAGE}; either this or `first`.",
    "before": "Only items ahead of this cursor.",
}


@dataclass(frozen=True, slots=True)
class PageArguments:
    """A connection's arguments, checked except for the cursors."""

    size: int
    backwards: bool
    after: str | None
    before: str | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Check the arguments. Raises `PageArgumentsError` unless there is one valid size."""
        first, last = given.get("first"), given.get("last")
        size = last if first is None else first
        if size is None or (first is not None and last is not None):
            raise PageSizeMissingError
        if not 1 <= size <= MAX_PAGE:
            raise PageSizeRangeError(MAX_PAGE)
        return cls(size, last is not None, given.get("after"), given.get("before"))

    def window(self, scope: str) -> Window:
        """Unseal the cursors. Raises `InvalidCursorError` for those of another scope."""
        return Window(
            size=self.size,
            backwards=self.backwards,
            after=unseal_position(scope, self.after),
            before=unseal_position(scope, self.before),
        )

    @property
    def shape(self) -> Hashable:
        """What of the arguments changes the SQL."""
        return self.size, self.backwards, self.after is None, self.before is None

    @property
    def limit(self) -> int:
        """How many rows are read for a page."""
        return self._window().limit

    def values(self, order: Keyset, scope: str) -> Mapping[str, Any]:
        """Unseal the cursors. Raises `InvalidCursorError` for those of another scope."""
        cursors = {"after": self.after, "before": self.before}
        opened = {name: unseal_position(scope, cursor) for name, cursor in cursors.items()}
        return {name: order.check(each) for name, each in opened.items() if each is not None}

    def window_rows(
        self, rows: models.QuerySet[Any], order: Keyset, bind: Bind
    ) -> models.QuerySet[Any]:
        """Return the rows from which the page is cut, the positions as bind parameters."""
        ends = {
            name: _operands(bind(name), len(order.fields))
            for name in ("after", "before")
            if getattr(self, name) is not None
        }
        return self._window(**ends).window_rows(candidates(rows))

    def first(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Return as many rows as are read for a page."""
        return first_rows(rows, self.limit)

    @staticmethod
    def positions(order: Keyset) -> Mapping[str, Any]:
        """Return the annotations of which positions consist."""
        return order.positions()

    def cut(self, rows: Sequence[Any]) -> tuple[Sequence[Any], bool]:
        """Return the page, and whether there is more."""
        page = self._window().cut(list(rows))
        return page.rows, page.more

    def _window(self, **ends: Any) -> Window:
        return Window(size=self.size, backwards=self.backwards, **ends)


def _operands(position: Any, length: int) -> Sequence[Any]:
    """Return the parts of a position, or bind parameters for them."""
    if isinstance(position, Param):
        return [position.then(itemgetter(index)) for index in range(length)]
    return cast("Sequence[Any]", position)
