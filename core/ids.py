"""Primary keys of public entities."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562): unguessable, and ordered by time so indexes stay dense."""
    return uuid7()
