"""Global object identification: parsing of Relay ids."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import strawberry
from django.db.models import QuerySet
from strawberry import relay

from engine.sql.statements import Param

NodeId: TypeAlias = Annotated[
    strawberry.ID, strawberry.argument(description="Global `id` of the object.")
]


def renamed(name: str) -> str:
    """Return the reason for which an argument of another name is deprecated."""
    return f"Since 2026-11-30. Use `{name}`: ids are named alike everywhere."


MAX_SERIAL: Final = 2**31 - 1


def _serial(text: str) -> int:
    key = int(text)
    if not 0 < key <= MAX_SERIAL:
        raise ValueError("No row has this key.")
    return key


def _serial_or_uuid(text: str) -> int | UUID:
    return _serial(text) if text.isdecimal() else UUID(text)


# Primary keys are UUIDs, except those of Django's own models, of invitations and of secondary
# addresses. A primary address has the key of its user.
KEY_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "Group": _serial,
    "Invitation": _serial,
    "EmailAddress": _serial_or_uuid,
}


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


def global_id(type_name: str, key: Any) -> strawberry.ID:
    """Return the global id of an object."""
    return strawberry.ID(str(relay.GlobalID(type_name, str(key))))


def single_row(queryset: QuerySet[Any], key: Any) -> Any:
    """Return a queryset of at most one row, for Strawberry to resolve.

    The queryset is empty without a key. The type's `get_queryset` restricts visibility.
    """
    return queryset.none() if key is None else queryset.filter(pk=key)
