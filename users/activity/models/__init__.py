"""Events, their personal details and seals, and daily counts."""

from users.activity.models.events import DailyCount, Event, EventDetails, EventQuerySet
from users.activity.models.seals import EventSeal

__all__ = ["DailyCount", "Event", "EventDetails", "EventQuerySet", "EventSeal"]
