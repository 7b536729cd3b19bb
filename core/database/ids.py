"""Primary keys of public entities."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562): unguessable, and time-ordered, which keeps indexes dense."""
    return uuid7()


def first_id_at(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of a moment, with millisecond precision.

    Ids are time-ordered, so a range of time is a range of ids.
    """
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)


def last_id_at(moment: datetime) -> UUID:
    """Return the largest UUIDv7 of a moment, with millisecond precision."""
    return UUID(int=first_id_at(moment).int | 0xFFF << 64 | (1 << 62) - 1)


def is_id(text: str) -> bool:
    """Return whether a text is a UUID in any accepted notation."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def moment_of(id_: UUID) -> datetime:
    """Return a UUIDv7's timestamp, in milliseconds of its creator's clock."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)
