"""Pages: the window that arguments select, and the facts that a connection is made of."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from django.db.models import QuerySet

from engine.sql.keys import Bind


class PageFacts(NamedTuple):
    """What a connection consists of, except its objects."""

    # The positions of all objects, or of the first and the last; None if no cursor is selected.
    positions: Sequence[Any] | None
    more: bool
    size: int


class Pager(Protocol):
    """The page that a connection's arguments select."""

    @property
    def shape(self) -> Hashable:
        """The arguments that change the SQL, as a cache key."""

    def window_rows(self, rows: QuerySet[Any], order: Any, bind: Bind) -> QuerySet[Any]:
        """Return the rows that start with the page, in the order of reading.

        ``bind`` returns the bind parameters of `values`.
        """

    def first(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the first `limit` rows of a queryset."""

    @property
    def limit(self) -> int:
        """How many rows to read: the page and one more."""

    def positions(self, order: Any) -> Mapping[str, Any]:
        """Return the expressions that make up a row's position, by label."""

    def values(self, order: Any, scope: str) -> Mapping[str, Any]:
        """Unseal the cursors. Raises if they are not of this scope."""

    def cut(self, rows: Sequence[Any]) -> tuple[Sequence[Any], bool]:
        """Return the page of the rows read, in its order, and whether there are more."""


@dataclass(frozen=True, slots=True)
class ListCompanions:
    """All lists of a level, to count them together, for example."""

    rows: Callable[[], QuerySet[Any]]
    parent: str | None
    keys: Sequence[Any]
    # Values shared by all lists.
    cached: dict[str, Any]
