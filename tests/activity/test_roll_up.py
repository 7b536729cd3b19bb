"""The roll-up equals a recount of the events, whatever is drawn, killed, late or concurrent."""

import datetime as dt
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID, uuid4

import hypothesis
import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import strategies as st

from core.database.ids import first_id_at
from core.security.actor import Actor
from tests.activity.recount import (
    INDIRECT,
    Happened,
    User,
    counted,
    counted_cohorts,
    recount,
    recount_cohorts,
)
from tests.support.client import run_concurrently
from tests.support.factories import make_user
from users.activity.models import EventDetails, EventSeal, IntervalCounts, RollUp, UserActivity
from users.activity.services import roll_up
from users.activity.services.record import record
from users.activity.services.roll_up import roll_up_all, roll_up_uses
from users.activity.services.sealing import seal_all
from users.activity.services.tally import Tally
from users.activity.tags import Tag
from users.privacy.models import AccountDeletion
from users.privacy.services.erasure import erase_user

# A Monday, so that the drawn days are in several weeks, months and years.
# Long ago: there is no partition for events of a distant future.
START: Final = dt.datetime(2014, 9, 1, 12, tzinfo=dt.UTC)
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CURL: Final = "curl/8.1"
CLIENTS: Final = {"Firefox": FIREFOX, "curl": CURL}
# Four share a domain with a fifth, which is enough to name it; two have one each.
DOMAINS: Final = (*["big.example"] * 5, "small.example", "tiny.example")
KINDS: Final = (
    *(Tag.LOGGED_IN, Tag.LOGGED_IN, Tag.LOGGED_IN, Tag.LOG_IN_REFUSED, Tag.LOG_IN_THROTTLED),
    *(Tag.FACTOR_ADDED, Tag.FACTOR_REMOVED, Tag.FACTORS_RESET, Tag.PROFILE_CHANGED, None),
    Tag.IMPORTED_USER_CHANGED,
)
# Events of a user whose counts depend on their order, which a late one would change.
ORDERED: Final = roll_up.FACTORS | roll_up.IMPORTED
# Of the events of imports, with and without a second factor.
IMPORTED: Final[tuple[dict[str, Any], ...]] = ({}, {"fields": ["second_factors"]})
NEW_ID: Final = itertools.count(1)


@pytest.fixture
def people(db: None) -> dict[UUID, User]:
    found = {}
    for number, domain in enumerate(DOMAINS):
        locale, client = ("en", "de")[number % 2], ("Firefox", "curl")[number % 3 % 2]
        user = make_user(f"user{number}", locale=locale, email=f"user{number}@{domain}")
        found[user.pk] = User(domain if domain == "big.example" else "", locale, client)
    return found


def insert_event(happened: Happened, user_agent: str = "") -> None:
    """Insert an event of any time, as a server would have."""
    id_ = UUID(int=first_id_at(happened.at).int | next(NEW_ID))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO activity_event (id, tag, actor_id, subject_id, data, created_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            """,
            [
                *(id_, happened.tag.value if happened.tag else "", happened.actor),
                *(happened.subject, json.dumps(dict(happened.data)), happened.at),
            ],
        )
    if user_agent:
        details = EventDetails.of({"user_agent": user_agent})
        details.event_id = id_
        details.save(force_insert=True)


@contextmanager
def discarded() -> Iterator[None]:
    """Roll back what the block writes; services may open durable transactions in it."""
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(savepoint)


@st.composite
def histories(draw: Any, users: list[UUID]) -> list[Happened]:
    """Draw events in the order of their commits, up to an hour late."""
    moment, history, links = START, [], []
    created: set[UUID] = set()
    erased: set[UUID] = set()
    for _step in range(draw(st.integers(1, 40))):
        moment += dt.timedelta(hours=draw(st.sampled_from((0, 1, 5, 24, 24 * 6, 24 * 80))))
        at = moment - dt.timedelta(minutes=draw(st.integers(0, 59)))
        user = draw(st.sampled_from(users))
        if user in erased:
            continue
        if user not in created and draw(st.booleans()):
            created.add(user)
            if draw(st.booleans()):
                data = draw(st.sampled_from(IMPORTED))
                history.append(Happened(moment, Tag.USER_IMPORTED, subject=user, data=data))
                continue
            links.append(uuid4())
            history.append(Happened(at, Tag.SIGN_UP_REQUESTED, subject=links[-1]))
            if draw(st.booleans()):
                # By an administrator, or by the link.
                data = {"link": str(links[-1])} if draw(st.booleans()) else {}
                later = at + dt.timedelta(minutes=1)
                history.append(Happened(later, Tag.USER_CREATED, subject=user, data=data))
            continue
        tag = draw(st.sampled_from((*KINDS, Tag.USER_ERASED)))
        if tag is Tag.USER_ERASED:
            erased.add(user)
            history.append(Happened(moment, tag, subject=user))
            continue
        is_own = tag in {Tag.LOGGED_IN, Tag.PROFILE_CHANGED, None}
        data = {}
        if tag is Tag.PROFILE_CHANGED:
            by = draw(st.sampled_from((None, None, None, *sorted(INDIRECT))))
            data = {by: str(uuid4())} if by else {}
        if tag is Tag.IMPORTED_USER_CHANGED:
            data = draw(st.sampled_from(IMPORTED))
        at = moment if tag in ORDERED else at
        history.append(Happened(at, tag, user if is_own else None, user, data))
    return history


class KilledError(Exception):
    """A worker is killed."""


def roll_up_and_kill() -> None:
    """Have the transaction fail after it has written the counts."""
    save = Tally.save

    def saved_and_killed(tally: Tally) -> None:
        save(tally)
        raise KilledError

    with patch.object(Tally, "save", saved_and_killed), pytest.raises(KilledError):
        roll_up_all()


def test_counts_equal_a_recount(people: dict[UUID, User], monkeypatch: Any) -> None:
    monkeypatch.setattr(roll_up, "BATCH", 4)

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(histories(list(people)), st.data())
    def check(history: list[Happened], data: st.DataObject) -> None:
        with discarded():
            for happened in history:
                client = people[happened.subject].client if happened.subject in people else ""
                if happened.tag is None and happened.actor:
                    seal_all()
                    roll_up_all()
                    roll_up_uses([(happened.actor, happened.at, CLIENTS[client])])
                    continue
                insert_event(happened, CLIENTS.get(client, ""))
                step = data.draw(st.sampled_from(("", "", "seal", "roll up", "kill")))
                if step:
                    seal_all()
                if step == "roll up":
                    roll_up_all()
                if step == "kill" and EventSeal.objects.filter(sequence__gt=position()).exists():
                    roll_up_and_kill()
            seal_all()
            roll_up_all()

            assert counted() == recount(history, people)
            assert counted_cohorts() == recount_cohorts(history)
            erased = [each.subject for each in history if each.tag is Tag.USER_ERASED]
            assert not UserActivity.objects.filter(pk__in=erased).exists()

    check()


def position() -> int:
    return RollUp.objects.values_list("sequence", flat=True).first() or 0


def log_in(user_id: UUID | None = None) -> None:
    record(Tag.LOGGED_IN, actor=Actor(user_id=user_id), subject_id=user_id)


def log_ins() -> int:
    rows = IntervalCounts.objects.filter(interval="day", dimension="all")
    return sum(rows.values_list("log_ins", flat=True))


@pytest.mark.usefixtures("transactional_db")
def test_concurrent_roll_ups_count_once() -> None:
    """Beat is doubled, or a worker gets the task twice."""
    for _number in range(30):
        log_in()
    seal_all()

    run_concurrently(*[roll_up_all] * 6)
    roll_up_all()

    assert log_ins() == 30


@pytest.mark.usefixtures("transactional_db")
def test_writers_do_not_wait_for_the_roll_up() -> None:
    log_in()
    seal_all()
    with transaction.atomic():
        assert roll_up._roll_up_events() == 1  # noqa: SLF001 - holds the rows of the counts

        # On other connections.
        run_concurrently(*[log_in] * 3)

    seal_all()
    roll_up_all()
    assert log_ins() == 4


@pytest.mark.usefixtures("db")
def test_user_without_a_cohort_is_active(people: dict[UUID, User]) -> None:
    """Users who were loaded into the tables have no event of their creation."""
    user = next(iter(people))
    roll_up_uses([(user, START, FIREFOX)])

    assert counted_cohorts() == {}
    assert UserActivity.objects.get().last_active_on == START.date()


@pytest.mark.usefixtures("db")
def test_uses_wait_for_a_backlog(people: dict[UUID, User], monkeypatch: Any) -> None:
    """Otherwise older days of the user would be counted as known."""
    monkeypatch.setattr(roll_up, "BATCH", 2)
    user = next(iter(people))
    history = [
        Happened(START + dt.timedelta(days=100 * number), Tag.LOGGED_IN, user, user)
        for number in range(4)
    ]
    for happened in history:
        insert_event(happened, CLIENTS[people[user].client])
    seal_all()

    assert roll_up_uses([(user, START + dt.timedelta(days=900), CURL)]) == 0
    roll_up_all()

    assert counted() == recount(history, people)


@pytest.mark.usefixtures("transactional_db")
def test_erased_user_leaves_counts_only() -> None:
    user = make_user("alice")
    for tag in (Tag.USER_CREATED, Tag.FACTOR_ADDED, Tag.LOGGED_IN):
        record(tag, actor=Actor(user_id=user.pk), subject_id=user.pk)
    seal_all()
    roll_up_all()
    assert UserActivity.objects.get().days == 1

    past = timezone.now() - dt.timedelta(days=1)
    AccountDeletion.objects.create(user=user, expires_at=past)
    erase_user(user.pk)
    # Until the erasure is counted, only what has to be subtracted is left.
    row = UserActivity.objects.get()
    assert (row.joined_on, row.last_active_on, row.days, row.factors) == (None, None, 0, 1)
    seal_all()
    roll_up_all()

    assert not UserActivity.objects.exists()
    counts = IntervalCounts.objects.get(interval="day", dimension="all")
    assert (counts.new_users, counts.erased_users, counts.active_users) == (1, 1, 1)
    assert counts.second_factor_users == 0
