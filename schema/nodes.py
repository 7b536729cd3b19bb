"""Global object identification: parsing of Relay ids."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import strawberry
from django.db.models import QuerySet
from strawberry import relay

from engine.sql.statements import Param

NodeId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="Global `id` of the object.")
]


# Primary keys are UUIDs, except those of Django's own models.
KEY_TYPES: Final[Mapping[str, type[int]]] = {"Group": int}


def parse_node_id(id_: str) -> tuple[str, Any] | None:
    """Return a global id's type name and key; None if invalid."""
    try:
        node = relay.GlobalID.from_id(id_)
        return node.type_name, KEY_TYPES.get(node.type_name, UUID)(node.node_id)
    except ValueError:
        return None


def node_type(id_: str) -> str:
    """Return a global id's type name; empty if invalid."""
    name, _key = parse_node_id(id_) or ("", None)
    return name


def node_key(id_: str | Param, type_name: str) -> Any:
    """Return a global id's key; None if invalid or of another type.

    For a placeholder of an id, return a placeholder of the key.
    """
    if isinstance(id_, Param):
        return id_.then(lambda each: node_key(each, type_name))
    name, key = parse_node_id(id_) or ("", None)
    return key if name == type_name else None


def single_row(queryset: QuerySet[Any], key: Any) -> Any:
    """Return a queryset of at most one row, for Strawberry to resolve.

    The queryset is empty without a key. The type's `get_queryset` restricts visibility.
    """
    return queryset.none() if key is None else queryset.filter(pk=key)
