"""Partitions of the audit trail are created ahead, and dropped when they expire."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from core.database.ids import first_id_at, new_id
from core.database.roles.owner import as_owner
from core.security.actor import ANONYMOUS, Actor
from core.versions.touches import expected_triggers, found_triggers
from engine.sql import filtered_page
from tests.core.test_touch_triggers import migrate
from users.activity.models import Event, EventDetails, EventSeal
from users.activity.services import partitions
from users.activity.services.partitions import create_partitions, drop_expired_partitions
from users.activity.services.record import record
from users.activity.services.roll_up import roll_up_all
from users.activity.services.sealing import Verification, seal_all
from users.activity.services.stream import stream_events
from users.activity.tags import Tag
from users.admin.filters import filter_unindexed

pytestmark = pytest.mark.usefixtures("transactional_db")

TABLES = ("activity_event", "activity_eventdetails")
CHILDREN = """
    SELECT inhrelid::regclass::text FROM pg_inherits
    WHERE inhparent = %s::regclass ORDER BY right(inhrelid::regclass::text, 6)
"""
LONG_AGO = dt.datetime(2020, 1, 15, tzinfo=dt.UTC)


def children(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(CHILDREN, [table])
        return [name for (name,) in cursor.fetchall()]


def as_owner_execute(statement: str, *parameters: UUID) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def record_long_ago(number: int) -> None:
    """Insert an event with details as its server would have, years ago."""
    moment = LONG_AGO + dt.timedelta(minutes=number)
    key = UUID(int=first_id_at(moment).int + number)
    details = EventDetails.of({"ip": "192.0.2.1"})
    event = Event(pk=key, tag=Tag.LOGGED_IN, data={}, details_digest=details.digest())
    Event.objects.bulk_create([event])
    details.event = event
    details.save(force_insert=True)


@pytest.fixture
def retention(transactional_db: None, settings: object) -> Iterator[Callable[[int], None]]:
    """Return a function that stores the retention in days, as `migrate` does."""

    def store(days: int) -> None:
        settings.EVENT_RETENTION = dt.timedelta(days=days)  # type: ignore[attr-defined]
        with as_owner():
            partitions.set_retention()

    yield store
    settings.EVENT_RETENTION = None  # type: ignore[attr-defined]
    with as_owner():
        partitions.set_retention()


def attach_first(table: str, lower: str) -> None:
    """Have the first partition begin at another bound."""
    first = children(table)[0]
    as_owner_execute(f"""
        ALTER TABLE {table} DETACH PARTITION {first};
        ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM ({lower})
        TO (first_id_at(to_timestamp('{first[-6:]} +00', 'YYYYMM TZH')));
    """)


@pytest.fixture
def partition_of_2020(transactional_db: None) -> Iterator[None]:
    """Have a partition whose events have expired."""
    for table in TABLES:
        attach_first(table, "first_id_at('2020-02-01Z')")
        as_owner_execute(f"""
            CREATE TABLE {table}_until_202002 PARTITION OF {table}
            FOR VALUES FROM (MINVALUE) TO (first_id_at('2020-02-01Z'))
        """)
    yield
    for table in TABLES:
        as_owner_execute(f"DROP TABLE IF EXISTS {table}_until_202002")
        attach_first(table, "MINVALUE")


def findings() -> list[str]:
    return [str(finding) for finding in Verification().findings()]


def test_partitions_are_created_six_months_ahead() -> None:
    for table in TABLES:
        latest = children(table)[-1]
        assert latest[-6:] > f"{timezone.now() + dt.timedelta(days=180):%Y%m}"
        as_owner_execute(f"DROP TABLE {latest}")
        create_partitions()
        assert children(table)[-1] == latest
    create_partitions()
    assert len(set(children(TABLES[0]))) == len(children(TABLES[1]))


def test_a_partition_holds_the_events_of_its_month() -> None:
    second = children("activity_event")[1]
    begin = dt.datetime.strptime(children("activity_event")[0][-6:], "%Y%m").replace(tzinfo=dt.UTC)
    for moment in (begin - dt.timedelta(milliseconds=1), begin):
        Event.objects.bulk_create([Event(pk=first_id_at(moment), tag=Tag.LOGGED_IN)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM activity_event ORDER BY id")
        assert [name for (name,) in cursor.fetchall()] == [children("activity_event")[0], second]


@pytest.mark.usefixtures("partition_of_2020")
def test_expired_partitions_are_dropped_and_the_chain_stays_valid(
    retention: Callable[[int], None],
) -> None:
    for number in range(3):
        record_long_ago(number)
    kept = record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)
    seal_all()
    roll_up_all()
    head = bytes(EventSeal.objects.get(sequence=4).hash)
    assert findings() == []
    retention(90)

    assert drop_expired_partitions() == dt.datetime(2020, 2, 1, tzinfo=dt.UTC)
    assert drop_expired_partitions() is None

    expired = Event.objects.get(tag=Tag.EVENTS_EXPIRED)
    assert set(Event.objects.values_list("pk", flat=True)) == {kept.pk, expired.pk}
    assert not EventDetails.objects.filter(pk__lt=kept.pk).exists()
    seal_all()
    verification = Verification(anchor=head)
    assert list(verification.findings()) == []
    assert (verification.seals, verification.expired) == (5, 3)
    call_command("verify_audit", head=head.hex())
    # What else is missing is reported.
    as_owner_execute("DELETE FROM activity_event WHERE id = %s", kept.pk)
    assert findings() == [f"event {kept.pk}, sealed as 4: is missing"]


@pytest.mark.usefixtures("partition_of_2020")
def test_only_old_events_that_were_not_streamed_delay_the_expiry(
    retention: Callable[[int], None], settings: Any, tmp_path: Path
) -> None:
    settings.AUDIT_STREAM_URL = (tmp_path / "audit.log").as_uri()
    record_long_ago(0)
    # Late, so that the seal is young.
    seal_all()
    retention(90)
    assert drop_expired_partitions() is None
    stream_events()
    # On a busy service, some event always waits.
    record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)
    seal_all()
    assert drop_expired_partitions() == dt.datetime(2020, 2, 1, tzinfo=dt.UTC)


@pytest.mark.usefixtures("partition_of_2020")
def test_without_a_record_in_the_chain_missing_events_are_reported(
    retention: Callable[[int], None],
) -> None:
    record_long_ago(0)
    seal_all()
    roll_up_all()
    assert drop_expired_partitions() is None
    retention(36_500)
    assert drop_expired_partitions() is None
    assert findings() == []
    retention(90)
    with connection.cursor() as cursor:
        cursor.execute("SELECT drop_expired_event_partitions()")

    (finding,) = findings()
    assert finding.endswith("sealed as 1: is missing")


def test_the_service_cannot_change_the_retention_nor_touch_partitions() -> None:
    first = children("activity_event")[0]
    for statement in (
        partitions.RETENTION.format(body="SELECT NULL::interval"),
        f"SELECT FROM {first}",
        f"DELETE FROM {first}",  # noqa: S608 - of a catalog
        f"DROP TABLE {first}",
        f"ALTER TABLE activity_event DETACH PARTITION {first}",
    ):
        with (
            pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_filled_table_becomes_the_first_partition() -> None:
    try:
        migrate(("activity", "0009_folded_segments"))
        with connection.cursor() as cursor:
            cursor.execute("SELECT relkind FROM pg_class WHERE relname = 'activity_event'")
            assert cursor.fetchone() == ("r",)
        record_long_ago(0)
        kept = record(Tag.LOGGED_IN, actor=Actor(ip="192.0.2.1"), subject_id=new_id())
        seal_all()
    finally:
        migrate()

    assert Event.objects.count() == EventDetails.objects.count() == 2
    assert Event.objects.get(pk=kept.pk).personal_values == {"ip": "192.0.2.1"}
    assert findings() == []
    assert found_triggers() == expected_triggers()
    record(Tag.LOGGED_OUT, actor=ANONYMOUS, subject_id=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT tableoid) FROM activity_event")
        assert cursor.fetchone() == (1,)


def test_filtered_pages_tell_rows_of_different_partitions_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(filtered_page, "LOOK_AHEAD", 6)
    first = children("activity_event")[0]
    begin = dt.datetime.strptime(first[-6:], "%Y%m").replace(tzinfo=dt.UTC)
    match = record(Tag.LOGGED_IN, actor=ANONYMOUS, subject_id=None)
    Event.objects.bulk_create(
        Event(pk=first_id_at(begin + dt.timedelta(minutes=number)), tag=Tag.LOGGED_OUT)
        for number in range(10)
    )

    events = filter_unindexed(Event.objects.order_by("-pk"), Q(tag=Tag.LOGGED_IN))
    assert list(filtered_page.first_rows(events, 5)) == [match]
