"""Periodic tasks of events: sealing, rolling them up, streaming them, and their partitions."""

from datetime import timedelta

from core.outbox.periodic import periodic
from core.outbox.registry import subscriber
from users.activity.services.fold import fold_segments
from users.activity.services.partitions import create_partitions, drop_expired_partitions
from users.activity.services.roll_up import roll_up_all
from users.activity.services.sealing import seal_all
from users.activity.services.stream import stream_events


@periodic("users.activity.seal_events", every=timedelta(minutes=1))
def seal_events() -> None:
    """Seal newly committed events."""
    seal_all()


@periodic("users.activity.roll_up_events", every=timedelta(minutes=1))
def roll_up_events() -> None:
    """Count newly sealed events, and what else is to be counted."""
    roll_up_all()


@periodic("users.activity.fold_segments", every=timedelta(hours=1))
def fold() -> None:
    """Bound the number of segments of past intervals."""
    fold_segments()


@periodic("users.activity.stream_events", every=timedelta(seconds=10))
def stream() -> None:
    """Send newly sealed events to the operator's log system, if there is one."""
    stream_events()


@periodic("users.activity.partition_events", every=timedelta(hours=1))
def partition_events() -> None:
    """Create the partitions of the next months, and drop those that expired."""
    create_partitions()
    drop_expired_partitions()


@subscriber("retired")
def count_event(event_id: str) -> None:
    """Discard a message of processes of the former release, whose events are rolled up.

    The next release has no use for it.
    """
