"""Relay connections over keysets: a page costs the same wherever it is."""

from collections.abc import Collection, Iterable
from enum import Enum
from typing import Any, Generic, Self, cast

import orjson
import strawberry
import strawberry_django
from django.db import models
from django.utils.translation import gettext as _
from graphql import FieldNode, FragmentSpreadNode
from graphql.execution.values import VariableValues, get_argument_values
from strawberry import relay
from strawberry.extensions import FieldExtension
from strawberry.relay.types import NodeType
from strawberry.types.field import StrawberryField

from core.crypto import UnsealError, seal, unseal
from core.errors import ArgumentInvalidError, CursorInvalidError
from schema.context import Info
from schema.enums import describe_enum
from schema.keysets import Keyset
from schema.limits import MAX_COUNT, MAX_PAGE
from schema.sought import candidates, first_rows

CURSOR_FIELDS = frozenset({"cursor", "startCursor", "endCursor"})
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
    "Which way an order goes.",
    {Direction.ASC: "The smallest first.", Direction.DESC: "The largest first."},
)


@strawberry.type(name="PageInfo", description="Where a page stands among its neighbours.")
class KeysetPageInfo:
    """Cursors of the page's ends, sealed only when they are selected."""

    has_next_page: bool = strawberry.field(description="Whether a page follows this one.")
    has_previous_page: bool = strawberry.field(description="Whether a page precedes this one.")
    scope: strawberry.Private[str]
    first: strawberry.Private[Any]
    last: strawberry.Private[Any]

    @strawberry.field(description="The first item's cursor, to page backwards from.")
    def start_cursor(self) -> str | None:
        """Seal the first position."""
        return None if self.first is None else _cursor(self.scope, self.first)

    @strawberry.field(description="The last item's cursor, to page forwards from.")
    def end_cursor(self) -> str | None:
        """Seal the last position."""
        return None if self.last is None else _cursor(self.scope, self.last)


@strawberry.type(description="How many items a list has.")
class TotalCount:
    """A count of a list as a whole, whatever the page."""

    value: int = strawberry.field(description="How many items there are, on all pages together.")
    is_exact: bool = strawberry.field(
        description=f"Whether they were counted; beyond {MAX_COUNT:,} they are estimated."
    )

    @classmethod
    def of(cls, queryset: models.QuerySet[Any]) -> Self:
        """Count up to the bound, or ask PostgreSQL's planner: time does not grow with the list."""
        rows = queryset.order_by().values("pk")
        counted = rows[: MAX_COUNT + 1].count()
        if counted <= MAX_COUNT:
            return cls(value=counted, is_exact=True)
        (plan,) = orjson.loads(rows.explain(format="json"))
        return cls(value=max(counted, plan["Plan"]["Plan Rows"]), is_exact=False)


@strawberry.type(name="Edge", description="One item of a page, and where it stands.")
class KeysetEdge(relay.Edge[NodeType], Generic[NodeType]):
    """An item whose cursor is sealed only when it is selected."""

    scope: strawberry.Private[str]
    position: strawberry.Private[Any]
    cursor: str = strawberry.field(
        resolver=lambda root: _cursor(root.scope, root.position),
        description="An opaque position, valid in this connection only.",
    )


@strawberry.type(name="Connection", description="A page of a list in a fixed order.")
class KeysetConnection(relay.Connection[NodeType], Generic[NodeType]):
    """Pages by `first`/`after` or `last`/`before` through a queryset in its own order.

    A cursor says where it was made and for which order and arguments, and is sealed, so it shows
    nothing of the row and works nowhere else.
    """

    page_info: KeysetPageInfo = strawberry.field(  # type: ignore[assignment]
        description="Where this page stands."
    )
    edges: list[KeysetEdge[NodeType]] = strawberry.field(  # type: ignore[assignment]
        description="The items with their positions."
    )

    everything: strawberry.Private[models.QuerySet[Any]]

    @strawberry.field(description="How many items there are; counted only if it is selected.")
    def total_count(self) -> TotalCount:
        """Count, or estimate."""
        return TotalCount.of(self.everything)

    @classmethod
    def resolve_connection(  # type: ignore[override]  # noqa: PLR0913 - Relay's arguments
        cls,
        nodes: Iterable[Any],
        *,
        info: Info,
        before: str | None = None,
        after: str | None = None,
        first: int | None = None,
        last: int | None = None,
        **kwargs: Any,  # noqa: ARG003 - Strawberry passes more than we offer
    ) -> Self:
        """Fetch one page of the queryset in one statement.

        Raises `ArgumentInvalidError` unless exactly one of ``first`` and ``last`` is given,
        from 1 to 100, and `CursorInvalidError` for a cursor that is not this connection's.
        """
        if not isinstance(nodes, models.QuerySet):
            raise TypeError("A KeysetConnection pages a QuerySet.")
        size = _page_size(first, last)
        keyset = Keyset.of(nodes)
        scope = f"{cls.__name__}.{keyset.name}{_arguments(info)}"
        page = candidates(nodes)
        if after is not None:
            page = page.filter(keyset.behind(_position(scope, after)))
        if before is not None:
            page = page.filter(keyset.ahead(_position(scope, before)))
        if not _selects(info, {"node"}):
            # Nothing tells the optimizer which columns are wanted, so it leaves all of them.
            page = page.only("pk")
        if _selects(info, CURSOR_FIELDS):
            page = page.annotate(**keyset.positions())
        backwards = last is not None
        rows = list(first_rows(page.order_by(*keyset.terms(backwards=backwards)), size + 1))
        more = len(rows) > size
        del rows[size:]
        if backwards:
            rows.reverse()
        info.context.expect(nodes.model, rows)
        return cls(
            page_info=KeysetPageInfo(
                has_next_page=before is not None if backwards else more,
                has_previous_page=more if backwards else after is not None,
                scope=scope,
                first=keyset.position_of(rows[0]) if rows else None,
                last=keyset.position_of(rows[-1]) if rows else None,
            ),
            everything=nodes,
            edges=[
                KeysetEdge(node=row, scope=scope, position=keyset.position_of(row)) for row in rows
            ],
        )


class _PageArguments(FieldExtension):
    """Describes the arguments that Strawberry adds to a connection."""

    def apply(self, field: StrawberryField) -> None:
        """Put our texts in place of Strawberry's."""
        for argument in field.arguments:
            argument.description = ARGUMENTS.get(argument.python_name, argument.description)


def keyset_connection(type_: type[KeysetConnection[Any]], *, description: str) -> Any:
    """Return a field that pages the queryset of the resolver it decorates."""
    field = strawberry_django.connection(type_, description=description)
    # Last: the extension before it adds the arguments.
    field.extensions.append(_PageArguments())
    return field


def _page_size(first: int | None, last: int | None) -> int:
    size = last if first is None else first
    if size is None or (first is not None and last is not None):
        raise ArgumentInvalidError(_("Give one of `first` and `last`."))
    if not 1 <= size <= MAX_PAGE:
        raise ArgumentInvalidError(
            _("`first` and `last` go from 1 to %(max)d.") % {"max": MAX_PAGE}
        )
    return size


def _arguments(info: Info) -> str:
    """Return the field's other arguments, as text that is equal if they are."""
    raw = info._raw_info  # noqa: SLF001 - Strawberry has no public name for it
    field = raw.parent_type.fields[raw.field_name]
    variables = VariableValues(sources={}, coerced=cast("dict[str, Any]", raw.variable_values))
    values = get_argument_values(field, raw.field_nodes[0], variables)
    given = {
        name: value
        for name, value in values.items()
        if value is not None and name not in {*ARGUMENTS, ORDER}
    }
    return orjson.dumps(given, default=str, option=orjson.OPT_SORT_KEYS).decode() if given else ""


def _cursor(scope: str, position: Any) -> str:
    return seal(orjson.dumps(position), purpose="cursor", context=scope)


def _position(scope: str, cursor: str) -> Any:
    try:
        return orjson.loads(unseal(cursor, purpose="cursor", context=scope))
    except UnsealError:
        raise CursorInvalidError from None


def _selects(info: Info, names: Collection[str]) -> bool:
    """Return whether one of these fields is selected, at any depth.

    Each fragment is read once; `info.selected_fields` expands a fragment wherever it is
    spread, so that twenty levels of doubling ones would keep it busy for minutes.
    """
    raw = info._raw_info  # noqa: SLF001 - Strawberry has no public name for it
    pending = [node.selection_set for node in raw.field_nodes]
    fragments = dict(raw.fragments)
    while pending:
        selections = pending.pop()
        for selection in selections.selections if selections else ():
            if isinstance(selection, FragmentSpreadNode):
                fragment = fragments.pop(selection.name.value, None)
                pending.append(fragment.selection_set if fragment else None)
                continue
            if isinstance(selection, FieldNode) and selection.name.value in names:
                return True
            pending.append(getattr(selection, "selection_set", None))
    return False
