"""Relay connections over keysets: a page costs the same wherever it is."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Generic, Self, cast

import orjson
import strawberry
import strawberry_django
from django.db import models
from graphql import VariableValues, get_argument_values
from strawberry import Info, relay
from strawberry.relay.types import NodeType
from strawberry.types.field import StrawberryField
from strawberry_django.fields.field import StrawberryDjangoConnectionExtension

from engine.internals.strawberry import core_info
from engine.plan.selection import SelectedField
from engine.relay.connection_plan import ConnectionExtension
from engine.relay.cursors import seal_position, seal_positions
from engine.relay.keyset import Keyset
from engine.relay.page_arguments import ARGUMENTS, PageArguments
from engine.relay.pager import ListCompanions, PageFacts
from engine.relay.selections import ConnectionSelection
from engine.relay.total_count import ListSummary, TotalCount
from engine.relay.window import Page, Position
from engine.sql.filtered_page import candidates, is_truncated

# The argument for the order, which is part of a cursor's scope in any case.
ORDER: Final = "orderBy"


@strawberry.type(name="PageInfo")
class KeysetPageInfo:
    """Where a page stands among its neighbours."""

    # Cursors are sealed only when they are selected.

    has_next_page: bool = strawberry.field(description="Whether a page follows this one.")
    has_previous_page: bool = strawberry.field(description="Whether a page precedes this one.")
    scope: strawberry.Private[str]
    first: strawberry.Private[Any]
    last: strawberry.Private[Any]

    @classmethod
    def of(
        cls,
        arguments: PageArguments,
        scope: str,
        positions: Sequence[Position] | None,
        *,
        more: bool,
    ) -> Self:
        """Describe a page by its positions, if known, and whether more rows follow them."""
        ahead, behind = arguments.before is not None, arguments.after is not None
        ends: Sequence[Position | None] = positions or [None]
        return cls(
            has_next_page=ahead if arguments.backwards else more,
            has_previous_page=more if arguments.backwards else behind,
            scope=scope,
            first=ends[0],
            last=ends[-1],
        )

    @strawberry.field
    def start_cursor(self) -> str | None:
        """The first item's cursor, to page backwards from."""
        return None if self.first is None else seal_position(self.scope, self.first)

    @strawberry.field
    def end_cursor(self) -> str | None:
        """The last item's cursor, to page forwards from."""
        return None if self.last is None else seal_position(self.scope, self.last)


@strawberry.type(name="Edge")
class KeysetEdge(relay.Edge[NodeType], Generic[NodeType]):
    """One item of a page, and where it stands."""

    # The cursor is sealed only when it is selected.

    scope: strawberry.Private[str]
    position: strawberry.Private[Any]
    cursor: str = strawberry.field(
        resolver=lambda root: seal_position(root.scope, root.position),
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
        return seal_positions(self.scope_, self.positions or ())

    @strawberry.field
    def total_count(self) -> TotalCount:
        """How many items there are; counted only if it is selected."""
        return self.summary.count()

    @classmethod
    def resolve_connection(  # type: ignore[override]
        cls,
        nodes: Iterable[Any],
        *,
        info: Info[Any, Any],
        **kwargs: Any,
    ) -> Self:
        """Fetch one page of the queryset in one statement.

        Raises `PageArgumentsError` unless exactly one of ``first`` and ``last`` is given, from 1
        to `MAX_PAGE`, and `InvalidCursorError` for a cursor that is not this connection's.
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
        """Return the scope of cursors: this connection, in this order, with these arguments."""
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
        arguments: PageArguments,
        keyset: Keyset,
        scope: str,
        summary: ListSummary,
    ) -> Self:
        """Return the connection of a page of instances."""
        positions = [keyset.position_of(row) for row in page.rows]
        connection = cls.around(
            PageFacts(None if None in positions else positions, page.more, len(page.rows)),
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
        page: PageFacts,
        arguments: PageArguments,
        scope: str,
        summary: ListSummary,
    ) -> Self:
        """Return a connection without its items."""
        return cls(
            page_info=KeysetPageInfo.of(arguments, scope, page.positions, more=page.more),
            nodes=[],
            edges=[],
            scope_=scope,
            positions=page.positions,
            summary=summary,
        )


def selected(nodes: Iterable[Any], info: Info[Any, Any]) -> models.QuerySet[Any]:
    """Return the queryset with the annotations of cursors, if any are selected."""
    if not isinstance(nodes, models.QuerySet):
        raise TypeError("A KeysetConnection pages a QuerySet.")
    selection = ConnectionSelection(core_info(info))
    # Without a selected item the optimizer would read all columns.
    queryset = nodes if selection.items else nodes.only("pk")
    if selection.has_cursors:
        queryset = queryset.annotate(**Keyset.of(nodes).positions())
    return queryset


class Paged(ConnectionExtension[PageArguments], StrawberryDjangoConnectionExtension):
    """Resolves a field to a `KeysetConnection`."""

    def apply(self, field: StrawberryField) -> None:
        """Add the arguments, described by `ARGUMENTS`."""
        super().apply(field)
        for argument in field.arguments:
            argument.description = ARGUMENTS.get(argument.python_name, argument.description)

    @property
    def type(self) -> type[KeysetConnection[Any]]:
        """The connection's type."""
        return cast("type[KeysetConnection[Any]]", self.connection_type)

    def pager(self, given: Mapping[str, Any]) -> PageArguments:
        """Check the arguments. Raises `PageArgumentsError`."""
        return PageArguments.of(given)

    def order(self, rows: models.QuerySet[Any]) -> Keyset:
        """Return the keyset of the rows' order."""
        return Keyset.of(rows)

    def scope(self, order: Keyset, selected: SelectedField, given: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return the scope of cursors."""
        return self.type.scope(order, given)

    def connection(
        self,
        pager: PageArguments,
        page: PageFacts,
        scope: str,
        lists: ListCompanions,
        key: Any,  # noqa: ARG002
    ) -> KeysetConnection[Any]:
        """Return the connection without its items."""
        return self.type.around(
            page,
            pager,
            scope,
            ListSummary(
                lambda: TotalCount.of(lists.rows()),
                lambda: is_truncated(lists.rows()),
            ),
        )


def paged_connection(
    type_: type[KeysetConnection[Any]],
    paged: Paged,
    *,
    metadata: Mapping[str, Any] | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """Return a field that pages the queryset of the resolver it decorates."""
    field = strawberry_django.connection(
        type_, metadata=metadata, deprecation_reason=deprecation_reason
    )
    field.extensions = [
        paged if isinstance(each, StrawberryDjangoConnectionExtension) else each
        for each in field.extensions
    ]
    return field


def given(info: Info[Any, Any]) -> dict[str, Any]:
    """Return the coerced arguments that the request gives for the field."""
    raw = core_info(info)
    field = raw.parent_type.fields[raw.field_name]
    variables = VariableValues(sources={}, coerced=cast("dict[str, Any]", raw.variable_values))
    return get_argument_values(field, raw.field_nodes[0], variables)
