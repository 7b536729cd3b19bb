"""Arguments of fields: which can be bound, and which need SQL of their own."""

import datetime as dt
from collections.abc import Hashable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLType,
    Node,
    VariableNode,
    Visitor,
    visit,
)

# Values that requests may share. Others are coerced again for each resolver.
IMMUTABLE: Final = frozenset(
    {type(None), bool, int, float, str, bytes, Decimal, UUID, dt.date, dt.datetime, dt.time}
)


def is_immutable(arguments: Mapping[str, Any]) -> bool:
    """Return whether no resolver can change the arguments' values."""
    return all(type(each) in IMMUTABLE or isinstance(each, Enum) for each in arguments.values())


def has_variables(node: Node) -> bool:
    """Return whether a node of the syntax tree contains a variable."""
    found = []

    class Variables(Visitor):
        def enter_variable(self, node: VariableNode, *_path: Any) -> None:
            found.append(node)

    visit(node, Variables())
    return bool(found)


def shape(given: Mapping[str, Any], types: Mapping[str, GraphQLType]) -> Hashable | None:
    """Return the cache key of the arguments' SQL; None if their values change it.

    Ids are bind parameters, so only whether they are null matters.
    """
    parts: list[Hashable] = []
    for name, value in given.items():
        part = _shape(value, types[name])
        if part is None:
            return None
        parts.append((name, part))
    return tuple(parts)


def _shape(value: Any, type_: GraphQLType) -> Hashable | None:
    if isinstance(type_, GraphQLNonNull):
        return _shape(value, type_.of_type)
    if value is None or isinstance(value, bool):
        return (value,)
    if is_id(type_):
        return "id" if value else None
    if isinstance(type_, GraphQLEnumType):
        return value.name if isinstance(value, Enum) else str(value)
    if isinstance(type_, GraphQLInputObjectType) and isinstance(value, dict):
        # Ids inside are values like any other.
        types = {name: field.type for name, field in type_.fields.items() if not is_id(field.type)}
        return shape(value, types) if value.keys() <= types.keys() else None
    return None


def is_id(type_: GraphQLType) -> bool:
    """Return whether an argument of this type is an id."""
    if isinstance(type_, GraphQLNonNull):
        return is_id(type_.of_type)
    return not isinstance(type_, GraphQLList) and getattr(type_, "name", "") == "ID"
