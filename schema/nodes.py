"""Global object identification (Relay)."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from strawberry import relay


def node_key(id_: relay.GlobalID, type_name: str) -> UUID | None:
    """Return the key inside a global id; None if it is of another type, or of none."""
    if id_.type_name != type_name:
        return None
    try:
        return UUID(id_.node_id)
    except ValueError:
        return None


def one(queryset: QuerySet[Any], key: UUID | None) -> Any:
    """Return the queryset of one row at the most; Strawberry resolves it to that row or null.

    The row is looked for only if the key is one, and is seen only if the type's
    `get_queryset` lets the actor see it.
    """
    return queryset.filter(pk=key) if key else queryset.none()
