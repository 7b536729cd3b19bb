# ruff: noqa: S608 - the statements are the tests' own
"""Sealing follows commit order, and verification finds every change of a sealed row."""

import datetime as dt
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from core.database.ids import first_id_at, new_id
from core.database.roles.owner import as_owner
from core.security.actor import Actor
from tests.support.client import run_concurrently
from users.activity.models import Event, EventDetails, EventSeal
from users.activity.models.seals import GENESIS, SEALED, hash_after
from users.activity.services import sealing
from users.activity.services.record import record
from users.activity.services.sealing import seal_batch
from users.activity.tags import Tag
from users.activity.tasks import seal_events

CLIENT = Actor(ip="192.0.2.7", user_agent="Firefox")
SEALS, EVENTS = "activity_eventseal", "activity_event"


def happen(count: int = 1) -> list[Event]:
    return [
        record(Tag.LOGGED_IN, actor=CLIENT, subject_id=None, number=number, at=[1.5, None])
        for number in range(count)
    ]


def verify(*arguments: str) -> tuple[int, str, str]:
    """Run the command; return its exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def head() -> str:
    _code, printed, _problems = verify()
    return printed.splitlines()[-1].removeprefix("head: ")


def tamper(*statements: str) -> None:
    """Change append-only rows as the tables' owner."""
    with as_owner(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


# Sealing ---------------------------------------------------------------------------------


def test_every_column_of_an_event_is_sealed() -> None:
    fields = Event._meta.concrete_fields
    # What the organisation is compared with is in `data`.
    assert {*SEALED, "organization_id"} == {field.attname for field in fields}


def test_the_task_chains_all_events(transactional_db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(sealing, "BATCH", 2)
    events = happen(5)

    seal_events()

    seals = list(EventSeal.objects.order_by("sequence"))
    assert [seal.sequence for seal in seals] == [1, 2, 3, 4, 5]
    assert [seal.event_id for seal in seals] == [event.pk for event in events]
    previous = GENESIS
    for seal in seals:
        previous = hash_after(previous, seal.sequence, Event.objects.get(pk=seal.event_id))
        assert bytes(seal.hash) == previous
    assert verify() == (0, f"sealed: 5, not yet sealed: 0\nhead: {previous.hex()}\n", "")


def test_late_event_is_found_in_a_backlog(transactional_db: None, monkeypatch: Any) -> None:
    happen(3)
    seal_events()
    monkeypatch.setattr(sealing, "BATCH", 2)
    late = first_id_at(dt.datetime.now(dt.UTC) - dt.timedelta(minutes=50))
    too_late = first_id_at(dt.datetime.now(dt.UTC) - dt.timedelta(minutes=70))
    for key in (late, too_late):
        Event.objects.create(pk=key, tag=Tag.LOGGED_IN)
    happen(5)

    seal_events()

    sealed = set(EventSeal.objects.values_list("event_id", flat=True))
    assert set(Event.objects.values_list("pk", flat=True)) - sealed == {too_late}
    code, _printed, problems = verify()
    assert code == 1
    assert problems.startswith(f"event {too_late}: was never sealed")


def test_nothing_new_adds_no_seal(transactional_db: None) -> None:
    happen(2)
    assert (seal_batch(), seal_batch()) == (2, 0)
    assert EventSeal.objects.count() == 2


def test_late_commits_are_sealed_later(transactional_db: None) -> None:
    """Ids do not follow commit order: a lower id may commit later."""
    recorded, may_commit = threading.Event(), threading.Event()

    def slow() -> Event:
        try:
            with transaction.atomic():
                (event,) = happen()
                recorded.set()
                assert may_commit.wait(10)
            return event
        finally:
            connection.close()

    def quick() -> Event:
        assert recorded.wait(10)
        (event,) = happen()
        assert seal_batch() == 1
        may_commit.set()
        return event

    early, later = run_concurrently(slow, quick)
    assert early.pk < later.pk

    assert seal_batch() == 1
    sealed = EventSeal.objects.order_by("sequence").values_list("event_id", flat=True)
    assert list(sealed) == [later.pk, early.pk]
    assert verify()[0] == 0


def test_writers_do_not_wait_for_the_sealer_and_only_one_seals(transactional_db: None) -> None:
    happen(3)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.SEALER])
        # Another sealer holds the lock.
        assert run_concurrently(seal_batch, lambda: len(happen())) == [0, 1]
    assert sum(run_concurrently(*[seal_batch] * 4)) == 4
    assert verify()[0] == 0


def test_clock_ahead_does_not_delay_other_events(transactional_db: None) -> None:
    ahead = first_id_at(dt.datetime.now(dt.UTC) + dt.timedelta(days=3))
    Event.objects.create(pk=ahead, tag=Tag.LOGGED_IN)
    assert seal_batch() == 1

    happen()

    assert seal_batch() == 1
    assert verify()[0] == 0


# Verifying -------------------------------------------------------------------------------


@pytest.fixture
def sealed(transactional_db: None) -> list[Event]:
    events = happen(3)
    events.append(
        record(Tag.ORGANIZATION_RENAMED, actor=CLIENT, subject_id=None, organization=new_id())
    )
    events += happen(1)
    seal_events()
    return events


def test_unsealed_recent_events_are_not_findings(sealed: list[Event]) -> None:
    happen(2)
    code, printed, problems = verify()
    assert (code, problems) == (0, "")
    assert printed.startswith("sealed: 5, not yet sealed: 2\n")


@pytest.mark.parametrize(
    "change",
    [
        "tag = 'session:user:log_out'",
        "data = '{\"number\": 9}'",
        "created_at = created_at + interval '1 microsecond'",
        "actor_id = gen_random_uuid()",
        "subject_id = gen_random_uuid()",
        "session_id = gen_random_uuid()",
        "details_digest = NULL",
        "organization_id = gen_random_uuid()",
    ],
)
def test_an_edited_event_is_found(sealed: list[Event], change: str) -> None:
    event = sealed[2]
    tamper(f"UPDATE {EVENTS} SET {change} WHERE id = '{event.pk}'")

    code, _printed, problems = verify()

    assert code == 1
    reported = {line.split(",")[0] for line in problems.splitlines()[:-1]}
    assert reported == {f"event {event.pk}"}


def removed(event: Event) -> list[str]:
    return [
        f"DELETE FROM activity_eventdetails WHERE event_id = '{event.pk}'",
        f"DELETE FROM {EVENTS} WHERE id = '{event.pk}'",
    ]


Tampering = Callable[[list[Event]], list[str]]
TAMPERING: dict[str, tuple[Tampering, Callable[[list[Event]], str]]] = {
    "event hidden from its organisation": (
        lambda events: [f"UPDATE {EVENTS} SET organization_id = NULL WHERE id = '{events[3].pk}'"],
        lambda events: f"event {events[3].pk}, sealed as 4: its organisation differs",
    ),
    "event removed": (
        lambda events: removed(events[1]),
        lambda events: f"event {events[1].pk}, sealed as 2: is missing",
    ),
    "last event removed": (
        lambda events: removed(events[4]),
        lambda events: f"event {events[4].pk}, sealed as 5: is missing",
    ),
    "details changed": (
        lambda events: [
            f"UPDATE activity_eventdetails SET values = '{{}}' WHERE event_id = '{events[1].pk}'"
        ],
        lambda events: f"event {events[1].pk}, sealed as 2: its details were changed",
    ),
    "seal changed": (
        lambda _events: [f"UPDATE {SEALS} SET hash = '\\x00' WHERE sequence = 2"],
        lambda events: f"event {events[1].pk}, sealed as 2: the event, its seal",
    ),
    "seal removed": (
        lambda _events: [f"DELETE FROM {SEALS} WHERE sequence = 2"],
        lambda _events: "seals 2 to 2: are missing",
    ),
    "first seal removed": (
        lambda _events: [f"DELETE FROM {SEALS} WHERE sequence = 1"],
        lambda _events: "seals 1 to 1: are missing",
    ),
    "seals of two events exchanged": (
        lambda events: [
            f"UPDATE {SEALS} SET event_id = gen_random_uuid() WHERE sequence = 2",
            f"UPDATE {SEALS} SET event_id = '{events[1].pk}' WHERE sequence = 3",
            f"UPDATE {SEALS} SET event_id = '{events[2].pk}' WHERE sequence = 2",
        ],
        lambda events: f"event {events[2].pk}, sealed as 2: the event, its seal",
    ),
    "places of two seals exchanged": (
        lambda _events: [
            f"UPDATE {SEALS} SET sequence = 99 WHERE sequence = 2",
            f"UPDATE {SEALS} SET sequence = 2 WHERE sequence = 3",
            f"UPDATE {SEALS} SET sequence = 3 WHERE sequence = 99",
        ],
        lambda events: f"event {events[1].pk}, sealed as 3: the event, its seal",
    ),
    "event backdated": (
        lambda _events: [
            f"""INSERT INTO {EVENTS} (id, tag, data, created_at) VALUES
                ('01800000-0000-7000-8000-000000000000', 'session:user:log_in', '{{}}', now())"""
        ],
        lambda _events: "event 01800000-0000-7000-8000-000000000000: was never sealed",
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(sealed: list[Event], name: str) -> None:
    statements, expected = TAMPERING[name]
    assert verify()[0] == 0
    tamper(*statements(sealed))

    code, _printed, problems = verify()

    assert code == 1
    assert expected(sealed) in problems
    # Sealing later events does not repair the chain.
    happen()
    seal_events()
    assert verify()[0] == 1


def test_erased_details_keep_the_chain_valid(sealed: list[Event]) -> None:
    before = head()
    EventDetails.objects.all().delete()
    assert verify() == (0, f"sealed: 5, not yet sealed: 0\nhead: {before}\n", "")


def test_saved_head_reveals_truncation(sealed: list[Event]) -> None:
    kept = head()
    assert verify("--head", kept)[0] == 0
    tamper(*removed(sealed[4]), f"DELETE FROM {SEALS} WHERE sequence = 5")

    assert verify()[0] == 0
    code, _printed, problems = verify("--head", kept)
    assert code == 1
    assert problems.startswith("the chain: does not contain the given head")


def test_saved_head_reveals_a_rebuilt_chain(sealed: list[Event]) -> None:
    kept = head()
    tamper(
        f"UPDATE {EVENTS} SET data = '{{}}' WHERE id = '{sealed[0].pk}'",
        f"DELETE FROM {SEALS}",
    )
    seal_events()

    assert verify()[0] == 0
    assert verify("--head", kept)[0] == 1


def test_saved_head_is_found_in_a_longer_chain(sealed: list[Event]) -> None:
    kept = head()
    happen(3)
    seal_events()
    assert head() != kept
    assert verify("--head", kept.upper())[0] == 0


@pytest.mark.parametrize("wrong", ["", "abc", "g" * 64])
def test_invalid_head_is_refused(db: None, wrong: str) -> None:
    with pytest.raises(CommandError, match="64 hexadecimal digits"):
        call_command("verify_audit", "--head", wrong)


def test_empty_trail_is_valid(transactional_db: None) -> None:
    code, printed, _problems = verify("--head", GENESIS.hex())
    assert (code, printed) == (0, f"sealed: 0, not yet sealed: 0\nhead: {GENESIS.hex()}\n")


def test_sealing_is_scheduled() -> None:
    tasks = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert seal_events.name in tasks
