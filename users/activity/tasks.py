"""Event subscribers and periodic tasks: daily counts and sealing."""

from datetime import timedelta

from django.db.models import F

from core.outbox.periodic import periodic
from core.outbox.registry import subscriber
from users.activity.models import DailyCount, Event
from users.activity.services.sealing import seal_all
from users.activity.tags import Tag


@subscriber(Tag.SIGN_UP_REQUESTED, transactional=True)
@subscriber(Tag.USER_CREATED, transactional=True)
@subscriber(Tag.LOGGED_IN, transactional=True)
def count_event(event_id: str) -> None:
    """Add the event to its daily count, exactly once: the subscriber is transactional."""
    event = Event.objects.only("tag", "created_at").get(pk=event_id)
    DailyCount.objects.bulk_create(
        [DailyCount(day=event.created_at.date(), tag=event.tag)], ignore_conflicts=True
    )
    DailyCount.objects.filter(day=event.created_at.date(), tag=event.tag).update(
        count=F("count") + 1
    )


@periodic("users.activity.seal_events", every=timedelta(minutes=1))
def seal_events() -> None:
    """Seal newly committed events."""
    seal_all()
