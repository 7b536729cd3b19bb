"""The tables of activity, none of which touches an entity."""

from core.versions.touches import TouchesNothing, register_touches
from users.activity.models import Event, EventDetails

register_touches(
    TouchesNothing(Event, "Added by nearly every change; a list of events is not cached."),
    TouchesNothing(EventDetails, "Added with the event."),
)
