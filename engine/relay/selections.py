"""The selection of a connection, for strawberry-django's optimizer (graphql-core only)."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, cast

from django.db.models import Model, QuerySet
from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLResolveInfo,
    NameNode,
    SelectionSetNode,
    VariableValues,
    get_named_type,
)
from strawberry import Info
from strawberry_django.optimizer import DjangoOptimizerExtension

from engine.internals.graphql_core import FieldDetails, collect_subfields, fragment_details
from engine.internals.strawberry import core_info

Fields = dict[str, list[FieldNode]]


class ConnectionSelection:
    """The selection of the connection that is being resolved, fragments merged."""

    def __init__(self, info: GraphQLResolveInfo[Any]) -> None:
        """Collect the selections of the items, and whether cursors are selected."""
        self._info = info
        type_ = cast("GraphQLObjectType", get_named_type(info.return_type))
        fields = self._collect(type_, info.field_nodes)
        edges, page_info = (
            self._collect(cast("GraphQLObjectType", get_named_type(type_.fields[name].type)), nodes)
            for name, nodes in ((name, fields[name]) for name in ("edges", "pageInfo"))
        )
        self.items = [*fields["nodes"], *edges["node"]]
        self.has_cursors = not {"cursor", "startCursor", "endCursor"}.isdisjoint(edges | page_info)

    def below_edges(self) -> GraphQLResolveInfo[Any]:
        """Return the info with the selections of `nodes` moved to `edges { node }`."""
        node = [_field("node", item.selection_set) for item in self.items]
        edges = _field("edges", _selections(node))
        return self._info._replace(
            field_nodes=[_field(self._info.field_name, _selections([edges]))]
        )

    def _collect(self, type_: GraphQLObjectType, nodes: Iterable[FieldNode]) -> Fields:
        """Return the fields selected below some nodes, by name; aliases are merged."""
        info = self._info
        groups = collect_subfields(
            info.schema,
            fragment_details(info.fragments),
            VariableValues(sources={}, coerced=cast("dict[str, Any]", info.variable_values)),
            info.operation,
            type_,
            [FieldDetails(node, None) for node in nodes],
        )
        fields: Fields = defaultdict(list)
        for group in groups.values():
            fields[group[0].node.name.value] += [details.node for details in group]
        return fields


class Optimizer(DjangoOptimizerExtension):
    """strawberry-django's optimizer, for `nodes` and single objects too."""

    def resolve(  # type: ignore[override]  # the bases disagree
        self,
        next_: Callable[..., Any],
        root: Any,
        info: GraphQLResolveInfo[Any],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Announce a single object to the context, with its prefetched objects."""
        found = super().resolve(next_, root, info, *args, **kwargs)
        if isinstance(found, Model) and not isinstance(root, Model):
            info.context.expect([found])
        return found

    def optimize(self, qs: Any, info: Any, **kwargs: Any) -> QuerySet[Any]:
        """Optimize for the selections in `nodes`, as for those in `edges`."""
        raw = core_info(info) if isinstance(info, Info) else info
        type_ = get_named_type(raw.return_type)
        if isinstance(type_, GraphQLObjectType) and {"nodes", "edges"} <= type_.fields.keys():
            raw = ConnectionSelection(raw).below_edges()
        return super().optimize(qs, raw, **kwargs)


def _field(name: str, selections: SelectionSetNode | None) -> FieldNode:
    return FieldNode(
        name=NameNode(value=name), arguments=(), directives=(), selection_set=selections
    )


def _selections(nodes: list[FieldNode]) -> SelectionSetNode:
    return SelectionSetNode(selections=tuple(nodes))
