"""Relay connections over keysets: a page costs the same wherever it is."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from operator import itemgetter
from typing import Any, Generic, Self, cast

import orjson
import strawberry
import strawberry_django
from django.db import models
from django.utils.translation import gettext as _
from graphql.execution.values import VariableValues, get_argument_values
from strawberry import relay
from strawberry.relay.types import NodeType
from strawberry.types.field import StrawberryField
from strawberry_django.fields.field import StrawberryDjangoConnectionExtension

from core.errors import ArgumentInvalidError, CursorInvalidError
from core.security.crypto import UnsealError, seal, unseal
from engine.plan.selection import SelectedField
from engine.read.sources import Bind
from engine.relay.connection_plan import ConnectionExtension, ListCompanions
from engine.relay.connection_plan import Page as EnginePage
from engine.relay.keyset import Keyset
from engine.relay.selections import ConnectionSelection
from engine.relay.total_count import ListSummary, TotalCount
from engine.relay.window import Page, Position, Window
from engine.sql.filtered_page import candidates, first_rows, is_truncated
from engine.sql.statements import Param
from schema.context import Info
from schema.enums import describe_enum
from schema.http.weights import MAX_PAGE
from schema.scopes import ACCESS, Access, RequiredScope

# It decides the order, which is part of a cursor in any case.
ORDER = "orderBy"
ARGUMENTS = {
    "first": f"How many items from the start, 1 to {MAX_PAGE}; either this or `last`.",
    "after": "Only items behind this cursor.",
    "last": f"How many items from the end, 1 to {MAX_PAGE}; either this or `first`.",
    "before": "Only items ahead of this cursor.",
}


class Direction(Enum):
    """Which way an order goes."""

    ASC = "asc"
    DESC = "desc"


describe_enum(
    Direction,
    {Direction.ASC: "The smallest first.", Direction.DESC: "The largest first."},
)


@strawberry.input
class Order:
    """Base of the orders. Items that are equal in their `field` are ordered by creation."""

    direction: Direction = strawberry.field(
        default=Direction.ASC, description="From the smallest, or from the largest."
    )

    @property
    def is_descending(self) -> bool:
        """Whether the largest come first."""
        return self.direction is Direction.DESC


@strawberry.type(name="PageInfo")
class KeysetPageInfo:
    """Where a page stands among its neighbours."""

    # Cursors are sealed only when they are selected.

    has_next_page: bool = strawberry.field(description="Whether a page follows this one.")
    has_previous_page: bool = strawberry.field(description="Whether a page precedes this one.")
    scope: strawberry.Private[str]
    first: strawberry.Private[Any]
    last: strawberry.Private[Any]

    @strawberry.field
    def start_cursor(self) -> str | None:
        """The first item's cursor, to page backwards from."""
        return None if self.first is None else _cursor(self.scope, self.first)

    @strawberry.field
    def end_cursor(self) -> str | None:
        """The last item's cursor, to page forwards from."""
        return None if self.last is None else _cursor(self.scope, self.last)


@strawberry.type(name="Edge")
class KeysetEdge(relay.Edge[NodeType], Generic[NodeType]):
    """One item of a page, and where it stands."""

    # The cursor is sealed only when it is selected.

    scope: strawberry.Private[str]
    position: strawberry.Private[Any]
    cursor: str = strawberry.field(
        resolver=lambda root: _cursor(root.scope, root.position),
        description="An opaque position, valid in this connection only.",
    )


@strawberry.type(name="Connection")
class KeysetConnection(relay.Connection[NodeType], Generic[NodeType]):
    """A page of a list in a fixed order."""

    page_info: KeysetPageInfo = strawberry.field(  # type: ignore[assignment]
        description="Where this page stands."
    )
    edges: list[KeysetEdge[NodeType]] = strawberry.field(  # type: ignore[assignment]
        description="The items with their positions."
    )

    nodes: list[NodeType] = strawberry.field(
        description="The items alone, for when no cursor is needed."
    )

    scope_: strawberry.Private[str]
    positions: strawberry.Private[Sequence[Position] | None]
    summary: strawberry.Private[ListSummary]

    def cursors(self) -> list[str]:
        """Seal the positions of all items."""
        return [_cursor(self.scope_, position) for position in self.positions or ()]

    @strawberry.field
    def total_count(self) -> TotalCount:
        """How many items there are; counted only if it is selected."""
        return self.summary.count()

    @classmethod
    def resolve_connection(  # type: ignore[override]
        cls,
        nodes: Iterable[Any],
        *,
        info: Info,
        **kwargs: Any,
    ) -> Self:
        """Fetch one page of the queryset in one statement.

        Raises `ArgumentInvalidError` unless exactly one of ``first`` and ``last`` is given,
        from 1 to 100, and `CursorInvalidError` for a cursor that is not this connection's.
        """
        arguments = PageArguments.of(kwargs)
        queryset = selected(nodes, info)
        keyset = Keyset.of(queryset)
        scope = cls.scope(keyset, given(info))
        page = arguments.window(scope).page(candidates(queryset))
        info.context.expect(page.rows)
        return cls.of(
            page,
            arguments,
            keyset,
            scope,
            ListSummary(partial(TotalCount.of, queryset), partial(is_truncated, queryset)),
        )

    @classmethod
    def scope(cls, keyset: Keyset, given: Mapping[str, Any]) -> str:
        """Return what a cursor is good for: this connection, in this order, of these arguments."""
        others = {
            name: value
            for name, value in given.items()
            if value is not None and name not in {*ARGUMENTS, ORDER}
        }
        text = ""
        if others:
            text = orjson.dumps(others, default=str, option=orjson.OPT_SORT_KEYS).decode()
        return f"{cls.__name__}.{keyset.name}{text}"

    @classmethod
    def of(
        cls,
        page: Page,
        arguments: "PageArguments",
        keyset: Keyset,
        scope: str,
        summary: ListSummary,
    ) -> Self:
        """Show a page of instances."""
        positions = [keyset.position_of(row) for row in page.rows]
        connection = cls.around(
            EnginePage(None if None in positions else positions, page.more, len(page.rows)),
            arguments,
            scope,
            summary,
        )
        connection.nodes = page.rows
        connection.edges = [
            KeysetEdge(node=row, scope=scope, position=position)
            for row, position in zip(page.rows, positions, strict=True)
        ]
        return connection

    @classmethod
    def around(
        cls,
        page: EnginePage,
        arguments: "PageArguments",
        scope: str,
        summary: ListSummary,
    ) -> Self:
        """Make a connection without its items."""
        ahead, behind = arguments.before is not None, arguments.after is not None
        ends = page.positions or [None]
        return cls(
            page_info=KeysetPageInfo(
                has_next_page=ahead if arguments.backwards else page.more,
                has_previous_page=page.more if arguments.backwards else behind,
                scope=scope,
                first=ends[0],
                last=ends[-1],
            ),
            nodes=[],
            edges=[],
            scope_=scope,
            positions=page.positions,
            summary=summary,
        )


@dataclass(frozen=True, slots=True)
class PageArguments:
    """A connection's arguments, checked but for the cursors."""

    size: int
    backwards: bool
    after: str | None
    before: str | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Check them. Raises `ArgumentInvalidError` unless there is one size from 1 to 100."""
        first, last = given.get("first"), given.get("last")
        size = last if first is None else first
        if size is None or (first is not None and last is not None):
            raise ArgumentInvalidError(_("Give one of `first` and `last`."))
        if not 1 <= size <= MAX_PAGE:
            raise ArgumentInvalidError(
                _("`first` and `last` go from 1 to %(max)d.") % {"max": MAX_PAGE}
            )
        return cls(size, last is not None, given.get("after"), given.get("before"))

    def window(self, scope: str) -> Window:
        """Open the cursors. Raises `CursorInvalidError` for those of another scope."""
        return Window(
            size=self.size,
            backwards=self.backwards,
            after=_position(scope, self.after),
            before=_position(scope, self.before),
        )

    @property
    def shape(self) -> Hashable:
        """Tell apart what needs statements of its own."""
        return self.size, self.backwards, self.after is None, self.before is None

    @property
    def limit(self) -> int:
        """How many rows are read for a page."""
        return self._window().limit

    def values(self, order: Keyset, scope: str) -> Mapping[str, Any]:
        """Open the cursors. Raises `CursorInvalidError` for those of another scope."""
        cursors = {"after": self.after, "before": self.before}
        opened = {name: _position(scope, cursor) for name, cursor in cursors.items()}
        return {name: order.check(each) for name, each in opened.items() if each is not None}

    def window_rows(
        self, rows: models.QuerySet[Any], order: Keyset, bind: Bind
    ) -> models.QuerySet[Any]:
        """Return the rows from which the page is cut, with the positions among the operands."""
        ends = {
            name: _operands(bind(name), len(order.fields))
            for name in ("after", "before")
            if getattr(self, name) is not None
        }
        return self._window(**ends).window_rows(candidates(rows))

    def first(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Return as many as are read."""
        return first_rows(rows, self.limit)

    @staticmethod
    def positions(order: Keyset) -> Mapping[str, Any]:
        """Return annotations for the positions."""
        return order.positions()

    def cut(self, rows: Sequence[Any]) -> tuple[Sequence[Any], bool]:
        """Return the page, and whether there is more."""
        page = self._window().cut(list(rows))
        return page.rows, page.more

    def _window(self, **ends: Any) -> Window:
        return Window(size=self.size, backwards=self.backwards, **ends)


def selected(nodes: Iterable[Any], info: Info) -> models.QuerySet[Any]:
    """Return the queryset with what cursors need, if they are selected, and nothing unneeded."""
    if not isinstance(nodes, models.QuerySet):
        raise TypeError("A KeysetConnection pages a QuerySet.")
    selection = ConnectionSelection(info._raw_info)  # noqa: SLF001 - no public name
    # If no item is selected, nothing tells the optimizer which columns are wanted.
    queryset = nodes if selection.items else nodes.only("pk")
    if selection.has_cursors:
        queryset = queryset.annotate(**Keyset.of(nodes).positions())
    return queryset


class Paged(ConnectionExtension["PageArguments"], StrawberryDjangoConnectionExtension):
    """Resolves a field to a `KeysetConnection`."""

    def apply(self, field: StrawberryField) -> None:
        """Add the arguments, with our texts in place of Strawberry's."""
        super().apply(field)
        for argument in field.arguments:
            argument.description = ARGUMENTS.get(argument.python_name, argument.description)

    @property
    def type(self) -> type[KeysetConnection[Any]]:
        """The connection's type."""
        return cast("type[KeysetConnection[Any]]", self.connection_type)

    def pager(self, given: Mapping[str, Any]) -> PageArguments:
        """Check the arguments. Raises `ArgumentInvalidError`."""
        return PageArguments.of(given)

    def order(self, rows: models.QuerySet[Any]) -> Keyset:
        """Read the order."""
        return Keyset.of(rows)

    def scope(self, order: Keyset, selected: SelectedField, given: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return what a cursor is good for."""
        return self.type.scope(order, given)

    def connection(
        self,
        pager: PageArguments,
        page: EnginePage,
        scope: str,
        lists: ListCompanions,
        key: Any,  # noqa: ARG002
    ) -> KeysetConnection[Any]:
        """Make the connection but for its items."""
        return self.type.around(
            page,
            pager,
            scope,
            ListSummary(
                lambda: TotalCount.of(lists.rows()),
                lambda: is_truncated(lists.rows()),
            ),
        )


def keyset_connection(type_: type[KeysetConnection[Any]], *, scope: RequiredScope) -> Any:
    """Return a root field that pages the queryset of the resolver it decorates."""
    return paged_connection(type_, Paged(), metadata={ACCESS: Access(scope)})


def paged_connection(
    type_: type[KeysetConnection[Any]], paged: Paged, *, metadata: Mapping[str, Any] | None = None
) -> Any:
    """Return a field that pages the queryset of the resolver it decorates."""
    field = strawberry_django.connection(type_, metadata=metadata)
    field.extensions = [
        paged if isinstance(each, StrawberryDjangoConnectionExtension) else each
        for each in field.extensions
    ]
    return field


def given(info: Info) -> dict[str, Any]:
    """Return the field's arguments as they were given."""
    raw = info._raw_info  # noqa: SLF001 - Strawberry has no public name for it
    field = raw.parent_type.fields[raw.field_name]
    variables = VariableValues(sources={}, coerced=cast("dict[str, Any]", raw.variable_values))
    return get_argument_values(field, raw.field_nodes[0], variables)


def _operands(position: Any, length: int) -> Sequence[Any]:
    """Return the parts of a position, or slots for them."""
    if isinstance(position, Param):
        return [position.then(itemgetter(index)) for index in range(length)]
    return cast("Sequence[Any]", position)


def _cursor(scope: str, position: Any) -> str:
    return seal(orjson.dumps(position), purpose="cursor", context=scope)


def _position(scope: str, cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    try:
        return orjson.loads(unseal(cursor, purpose="cursor", context=scope))
    except UnsealError:
        raise CursorInvalidError from None
