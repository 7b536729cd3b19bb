"""Global object identification (Relay)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import strawberry
from django.db.models import QuerySet
from strawberry import relay

from engine.sql.statements import Param

NodeId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="The object's `id`, as it was answered.")
]


# Keys are UUIDs, but for the models that Django brings.
KEY_TYPES: Final[Mapping[str, type[int]]] = {"Group": int}


def parse_node_id(id_: str) -> tuple[str, Any] | None:
    """Return the type's name and the key inside a global id; None if it is not one."""
    try:
        node = relay.GlobalID.from_id(id_)
        return node.type_name, KEY_TYPES.get(node.type_name, UUID)(node.node_id)
    except ValueError:
        return None


def node_key(id_: str | Param, type_name: str) -> Any:
    """Return the key inside a global id; None if it is of another type, or of none.

    Of a slot for an id, return a slot for the key.
    """
    if isinstance(id_, Param):
        return id_.then(lambda each: node_key(each, type_name))
    name, key = parse_node_id(id_) or ("", None)
    return key if name == type_name else None


def single_row(queryset: QuerySet[Any], key: Any) -> Any:
    """Return the queryset of one row at the most; Strawberry resolves it to that row or null.

    The row is looked for only if the key is one, and is seen only if the type's
    `get_queryset` lets the actor see it.
    """
    return queryset.none() if key is None else queryset.filter(pk=key)
