"""The tables of activity, none of which touches an entity."""

from core.versions.touches import TouchesNothing, register_touches
from users.activity.models import DailyCount

register_touches(
    # A single entity would be renewed by each sign-in, so hardly an answer would be served twice,
    # and all these transactions would contend for its parts.
    TouchesNothing(DailyCount, "Counted with every sign-up and sign-in."),
)
