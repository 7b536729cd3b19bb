"""Events, their personal details and seals, and the counts that are rolled up from them."""

from users.activity.models.audit_stream import AuditStream
from users.activity.models.counts import (
    ALL,
    COUNTS,
    SIZE,
    CohortWeek,
    IntervalCounts,
    PendingCount,
    RollUp,
    SegmentCounts,
    Series,
)
from users.activity.models.events import Event, EventDetails, EventQuerySet
from users.activity.models.seals import EventSeal
from users.activity.models.user_activity import UserActivity

__all__ = [
    "ALL",
    "COUNTS",
    "SIZE",
    "AuditStream",
    "CohortWeek",
    "Event",
    "EventDetails",
    "EventQuerySet",
    "EventSeal",
    "IntervalCounts",
    "PendingCount",
    "RollUp",
    "SegmentCounts",
    "Series",
    "UserActivity",
]
