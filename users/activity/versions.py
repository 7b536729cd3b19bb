"""Which events touch which entities.

An entity of its own stands for all that a user writes, as each mutation records an event. So an
answer that may be old is new after the user's own writes, whatever they changed.
"""

from hashlib import md5
from typing import Final
from uuid import UUID

from core.versions.touches import Touches, TouchesNothing, register_touches
from users.activity.models import CohortWeek, Event, EventDetails, IntervalCounts

# Of `activity/0005_touches`. It touches `writes_of` each user.
TOUCH_WRITERS: Final = "touch_writers"


def writes_of(user_id: UUID) -> UUID:
    """Return the key of the entity that all writes of a user touch."""
    # As `touch_writers` does: PostgreSQL has no UUIDv5 without an extension.
    return UUID(md5(f"writes of {user_id}".encode(), usedforsecurity=False).hexdigest())


def writes_of_sql(user_id: str) -> str:
    """Return SQL's expression for the same key, of an expression for the user's id."""
    return f"md5('writes of ' || {user_id})::uuid"


register_touches(
    Touches(Event, ("actor_id",), TOUCH_WRITERS),
    TouchesNothing(EventDetails, "Added with the event; a list of events is not cached."),
    # A single entity would be renewed by each sign-in, so hardly an answer would be served twice,
    # and all these transactions would contend for its parts.
    TouchesNothing(IntervalCounts, "Changed every minute."),
    TouchesNothing(CohortWeek, "Changed every minute."),
)
