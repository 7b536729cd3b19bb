"""Global object identification (Relay)."""

from uuid import UUID

from strawberry import relay


def node_key(id_: relay.GlobalID, type_name: str) -> UUID | None:
    """Return the key inside a global id; None if it is of another type, or of none."""
    if id_.type_name != type_name:
        return None
    try:
        return UUID(id_.node_id)
    except ValueError:
        return None
