"""What an operation costs: searches, and rows and values as products of page sizes.

A page size in a variable is a factor of the sums, so they are computed once per document, and
evaluated for the variables of each request.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from graphql import (
    FieldNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
)

from engine.relay.page_arguments import MAX_PAGE
from schema.errors import RequestErrorCode

MAX_ROWS: Final = 20_000
MAX_VALUES: Final = 100_000
ROWS_PER_POINT: Final = 100
# So that a point takes no more than two milliseconds of CPU.
VALUES_PER_POINT: Final = 250
PAGE_ARGUMENTS: Final = frozenset({"first", "last", "ids"})
SEARCH_ARGUMENTS: Final = frozenset({"filter", "search"})
COUNT: Final = "totalCount"
# Estimated bytes.
COST_BYTES: Final = 1_000
TERM_BYTES: Final = 400


class PageSize(NamedTuple):
    """The most items of a field, by `first`, `last` or `ids`."""

    literal: int
    # Variables, of which all but one may be null.
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, node: FieldNode) -> "PageSize | None":
        """Return the page size of a field; None without such an argument."""
        values = [each.value for each in node.arguments or () if each.name.value in PAGE_ARGUMENTS]
        if not values:
            return None
        names = tuple(each.name.value for each in values if isinstance(each, VariableNode))
        given = [each for each in values if not isinstance(each, VariableNode | NullValueNode)]
        # Without any value, it is invalid.
        least = 0 if given or names else MAX_PAGE
        return cls(max(map(_literal_size, given), default=least), names)

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """Return the most items, given the sizes of variables."""
        most = self.literal
        for name in self.names:
            most = max(most, sizes.get(name, 0))
        return most


# The product of page sizes on a path through the document; empty for a constant.
Factors: TypeAlias = tuple[PageSize, ...]


class CostExceededError(GraphQLError):
    """An operation may return too much."""

    def __init__(self, code: RequestErrorCode, message: str) -> None:
        """Set the code."""
        super().__init__(message, extensions={"code": code})


class Cost(NamedTuple):
    """The most rows and values of an operation, and the points that it costs."""

    rows: int
    values: int
    points: int

    @classmethod
    def of(cls, rows: int, values: int, searches: int = 0) -> "Cost":
        """Price it: a point, one per search, and one per 100 rows or 250 values."""
        size = max(rows // ROWS_PER_POINT, values // VALUES_PER_POINT)
        return cls(rows, values, 1 + searches + size)

    def check(self) -> None:
        """Raise `CostExceededError` if the operation may return too much."""
        if self.rows > MAX_ROWS:
            raise CostExceededError(
                RequestErrorCode.PAGE_SIZES_EXCEEDED,
                f"This operation has more than {MAX_ROWS:,} rows, the product of its page sizes."
                " Request smaller pages.",
            )
        if self.values > MAX_VALUES:
            raise CostExceededError(
                RequestErrorCode.VALUES_EXCEEDED,
                f"This operation may return more than {MAX_VALUES:,} values (rows times selected"
                " fields). Request smaller pages or fewer fields.",
            )


class CostFormula:
    """The cost of an operation over its variables."""

    def __init__(
        self,
        operation: OperationDefinitionNode,
        rows: Mapping[Factors, int],
        values: Mapping[Factors, int],
        searches: int,
    ) -> None:
        """Take the coefficients of the products, and the number of searches."""
        self._searches = searches
        self._least = Cost.of(rows.get((), 0), values.get((), 0), searches)
        products = [factors for factors in {**values, **rows} if factors]
        self._page_sizes = list(dict.fromkeys(each for factors in products for each in factors))
        # The coefficients, and the places of the factors in the list above.
        self._terms = [
            (
                rows.get(factors, 0),
                values.get(factors, 0),
                tuple(map(self._page_sizes.index, factors)),
            )
            for factors in products
        ]
        names = {name for each in self._page_sizes for name in each.names}
        # The size of each variable's default.
        self._defaults = {
            each.variable.name.value: _literal_size(each.default_value)
            for each in operation.variable_definitions or ()
            if each.variable.name.value in names
        }

    @property
    def size(self) -> int:
        """The estimated bytes."""
        return COST_BYTES + TERM_BYTES * sum(len(factors) for *_counts, factors in self._terms)

    def evaluate(self, variables: Mapping[str, Any] | None) -> Cost:
        """Return the cost with these variables, which need not be valid."""
        if not self._terms:
            return self._least
        given = variables or {}
        sizes = {
            name: _size(given[name]) if name in given else default
            for name, default in self._defaults.items()
        }
        return self._evaluate(sizes)

    def check(self) -> None:
        """Raise `CostExceededError` if it may return too much, whatever the variables."""
        self._evaluate({}).check()

    def _evaluate(self, sizes: Mapping[str, int]) -> Cost:
        rows, values, _points = self._least
        items = [each.evaluate(sizes) for each in self._page_sizes]
        for row_count, value_count, factors in self._terms:
            product = 1
            for place in factors:
                product *= items[place]
            rows += row_count * product
            values += value_count * product
        return Cost.of(rows, values, self._searches)


def searches_of(node: FieldNode) -> int:
    """Return how often a field searches: filters, searches, or counts a list.

    That takes about as long as 100 rows, whatever the page size.
    """
    names = (each.name.value for each in node.arguments or ())
    return sum(name in SEARCH_ARGUMENTS for name in names) + (node.name.value == COUNT)


def largest_size(nodes: Iterable[FieldNode]) -> PageSize | None:
    """Return the page size of merged fields, whose arguments validation requires to be equal."""
    return max(filter(None, map(PageSize.of, nodes)), default=None)


def _size(value: Any) -> int:
    """Return the items that a JSON value asks for; no more than a page."""
    if isinstance(value, list):
        return min(len(value), MAX_PAGE)
    if isinstance(value, int | float):
        return int(min(abs(value), MAX_PAGE))
    # A single id is a list of one.
    return 0 if value is None else 1


def _literal_size(value: ValueNode | None) -> int:
    """Return the items that a literal asks for; no more than a page."""
    if isinstance(value, ListValueNode):
        return min(len(value.values), MAX_PAGE)
    if isinstance(value, IntValueNode):
        is_short = len(value.value) <= len(str(MAX_PAGE))
        return min(abs(int(value.value)), MAX_PAGE) if is_short else MAX_PAGE
    return 0 if value is None or isinstance(value, NullValueNode) else 1
