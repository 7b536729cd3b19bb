"""Primary keys of public entities."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562): unguessable, and ordered by time so indexes stay dense."""
    return uuid7()


def first_id_at(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 that could have been made at ``moment``, to the millisecond.

    Ids grow with time, so a range of time is a range of ids.
    """
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)


def is_id(text: str) -> bool:
    """Return whether a text is an id, in any of the forms that there are."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def moment_of(id_: UUID) -> datetime:
    """Return when a UUIDv7 was made, to the millisecond, by the clock of whoever made it."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)
