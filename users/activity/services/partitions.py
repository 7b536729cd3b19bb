"""The partitions of the audit trail: created ahead, and dropped when they expire."""

import datetime as dt
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from core.security.actor import SYSTEM
from users.activity.models import Event
from users.activity.services.record import record
from users.activity.services.roll_up import has_backlog
from users.activity.services.stream import is_stream_behind
from users.activity.tags import Tag

RETENTION: Final = """
    CREATE OR REPLACE FUNCTION event_retention() RETURNS interval
    LANGUAGE sql STABLE AS '{body}'
"""


def create_partitions() -> None:
    """Create the partitions of the next six months."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT create_event_partitions()")


@transaction.atomic(durable=True)
def drop_expired_partitions() -> dt.datetime | None:
    """Drop the partitions that are older than the retention, and record it.

    Returns the time before which events were dropped; None if there was nothing to drop, or if old
    events are not counted or streamed yet. Their seals remain, and `Verification` expects no
    events for them.
    """
    if has_backlog() or is_stream_behind():
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT drop_expired_event_partitions()")
        row: tuple[dt.datetime | None] = cursor.fetchone()
    (before,) = row
    if before is not None:
        record(Tag.EVENTS_EXPIRED, actor=SYSTEM, subject_id=None, before=before)
    return before


def expired_before() -> dt.datetime | None:
    """Return the time before which events were dropped, according to the audit trail."""
    expired = Event.objects.filter(tag=Tag.EVENTS_EXPIRED).order_by("-pk")
    data = expired.values_list("data", flat=True).first()
    return None if data is None else dt.datetime.fromisoformat(data["before"])


def set_retention(**_arguments: object) -> None:
    """Store the retention where the service cannot change it; called by `migrate`, as the owner."""
    days = settings.EVENT_RETENTION.days if settings.EVENT_RETENTION else None
    body = "SELECT NULL::interval" if days is None else f"SELECT make_interval(days => {days})"
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regproc('event_retention') IS NOT NULL")
        if cursor.fetchone() == (True,):
            cursor.execute(RETENTION.format(body=body))
