"""Streaming the audit trail to the operator's log system, at least once and in order.

The seals give the events one order. A cursor stores the last one that the target has accepted, and
a lease on it lets one worker stream at a time.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from time import monotonic
from typing import Final

from django.conf import settings
from django.db.models import F, JSONField, Q, QuerySet, Value
from django.utils import timezone
from prometheus_client import Counter

from core.database.ids import first_id_at
from users.activity.formats import StreamedEvent, line_of
from users.activity.models import AuditStream, EventSeal
from users.activity.targets import TargetError, TooLargeError, send_lines

logger = logging.getLogger(__name__)

BATCH: Final = 500
# After which a run starts no other batch.
RUN_SECONDS: Final = 10.0
# Longer than the time limit of a task.
LEASE: Final = dt.timedelta(seconds=60)
# Far less than the age at which events expire, and more than a busy service is ever behind.
LATE: Final = dt.timedelta(days=1)
NOTHING: Final = Value(None, output_field=JSONField())
TRUNCATED: Final = Counter(
    "audit_stream_truncated_events",
    "Events streamed without their data, which the target refused as too large.",
)


def stream_events() -> None:
    """Send newly sealed events to the target, for a few seconds."""
    if not settings.AUDIT_STREAM_URL or not _claim():
        return
    try:
        ends_at, size = monotonic() + RUN_SECONDS, BATCH
        while size and monotonic() < ends_at:
            size = _stream_batch(size)
    except TargetError as error:
        logger.warning("audit trail not streamed", extra={"error": str(error)})
    finally:
        AuditStream.objects.update(claimed_until=None)


def is_stream_behind() -> bool:
    """Return whether the target has not accepted a sealed event that is older than `LATE`.

    By the id, as partitions are divided: an old event may have been sealed just now.
    """
    if not settings.AUDIT_STREAM_URL:
        return False
    return _waiting().filter(event__lt=first_id_at(timezone.now() - LATE)).exists()


def stream_delay() -> float:
    """Return how long the oldest seal has waited, in seconds; 0 without a target."""
    if not settings.AUDIT_STREAM_URL:
        return 0.0
    oldest = _waiting().order_by("sequence").values_list("sealed_at", flat=True).first()
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def _waiting() -> QuerySet[EventSeal]:
    return EventSeal.objects.filter(sequence__gt=_position())


def _claim() -> bool:
    """Take the lease; return False if another worker has it."""
    now = timezone.now()
    lease = {"claimed_until": now + LEASE}
    stream, is_new = AuditStream.objects.get_or_create(pk=1, defaults=lease)
    is_free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    free = AuditStream.objects.filter(is_free, pk=stream.pk)
    return is_new or bool(free.update(**lease))


def _position() -> int:
    return AuditStream.objects.values_list("sequence", flat=True).first() or 0


def _stream_batch(size: int) -> int:
    """Send the next events; return how many to send next, 0 after the last one."""
    events = _sealed_events(size)
    if not events:
        return 0
    next_size = size if len(events) == size else 0
    try:
        _send(events)
    except TooLargeError:
        if len(events) > 1:
            return len(events) // 2
        # It must neither be lost nor stop the stream, which could be its purpose.
        _send([events[0].truncated()])
        TRUNCATED.inc()
        logger.warning("event streamed without its data", extra={"sequence": events[0].sequence})
        next_size = BATCH
    AuditStream.objects.update(sequence=events[-1].sequence, claimed_until=timezone.now() + LEASE)
    return next_size


def _send(events: Sequence[StreamedEvent]) -> None:
    """Send events to the target. Raises `TargetError`."""
    lines = [line_of(event, settings.AUDIT_STREAM_FORMAT) for event in events]
    send_lines(settings.AUDIT_STREAM_URL, settings.AUDIT_STREAM_TOKEN, lines)


def _sealed_events(limit: int) -> list[StreamedEvent]:
    seals = _waiting().order_by("sequence")
    columns = ("tag", "created_at", "actor_id", "subject_id", "organization_id", "session_id")
    rows = seals.values_list(
        *("sequence", "hash", "event_id"), *(f"event__{name}" for name in columns), "event__data"
    )
    # In the order of the fields.
    details = F("event__details__values") if settings.AUDIT_STREAM_DETAILS else NOTHING
    return [StreamedEvent(*row) for row in rows.annotate(details=details)[:limit]]
