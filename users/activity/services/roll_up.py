"""Rolling up sealed events, and other counts, into the tables of the analytics.

Seals are in the order of commits and have no gaps, so a position in the chain says exactly which
events are counted. It is stored in the transaction that adds their counts.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from core.database.locks import try_lock
from users.activity.models import Event, EventSeal, PendingCount, RollUp
from users.activity.segments import Occurrence
from users.activity.services.tally import UNKNOWN, Tally
from users.activity.tags import Tag

BATCH: Final = 1_000
# Of one run of the task, which has a time limit; the next one continues.
MAX_BATCHES: Final = 100
# Key of the advisory lock; an arbitrary number that nothing else uses.
ROLL_UP: Final = 4_873_640_912_550_117

COLUMNS: Final[Mapping[str, str]] = {
    Tag.SIGN_UP_REQUESTED: "sign_ups",
    Tag.USER_CREATED: "new_users",
    Tag.USER_IMPORTED: "imported_users",
    Tag.USER_ERASED: "erased_users",
    Tag.LOGGED_IN: "log_ins",
    Tag.LOG_IN_REFUSED: "failed_log_ins",
    Tag.LOG_IN_THROTTLED: "lockouts",
}
# What these count is of the event's subject. Those of strangers count without a client, whose name
# they could choose.
ABOUT_USERS: Final = frozenset(COLUMNS) - {Tag.SIGN_UP_REQUESTED, Tag.USER_ERASED}
BY_USERS: Final = frozenset({Tag.USER_CREATED, Tag.LOGGED_IN})
IMPORTED: Final = frozenset({Tag.USER_IMPORTED, Tag.IMPORTED_USER_CHANGED})
FACTORS: Final = frozenset(
    {Tag.FACTOR_ADDED, Tag.FACTOR_REMOVED, Tag.FACTORS_RESET, Tag.USER_ERASED}
)
# What changes its subject's `UserActivity`.
CHANGING: Final = FACTORS | IMPORTED | {Tag.USER_CREATED}
# What the data of an event names if its actor caused it by an API token or a job.
INDIRECT: Final = frozenset({"by_token", "bulk_action", "user_import"})


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """The columns of an event that its counts depend on."""

    sequence: int
    tag: str
    actor_id: UUID | None
    subject_id: UUID | None
    data: Mapping[str, Any]
    created_at: dt.datetime
    details: Mapping[str, Any] | None

    @property
    def day(self) -> dt.date:
        """When it happened, in UTC."""
        return self.created_at.date()

    @property
    def user_agent(self) -> str:
        """The client of the actor; empty if unknown or erased."""
        return str((self.details or {}).get("user_agent", ""))

    @property
    def occurrence(self) -> Occurrence:
        """Whom and which client it counts for."""
        if self.tag not in ABOUT_USERS:
            return UNKNOWN
        is_own = self.tag in BY_USERS and self.actor_id in {None, self.subject_id}
        return Occurrence(self.subject_id, self.user_agent if is_own else "")

    @property
    def active_user_id(self) -> UUID | None:
        """The user who was active with it, without an API token or a job."""
        return None if INDIRECT & self.data.keys() else self.actor_id

    @property
    def sign_up(self) -> UUID | None:
        """The sign-up that created the user, if one did."""
        link = self.data.get("link") if self.tag == Tag.USER_CREATED else None
        return UUID(link) if link else None

    @property
    def adds_factor(self) -> bool:
        """Whether the subject got a second factor, which an import may bring along."""
        is_brought = self.tag in IMPORTED and "second_factors" in self.data.get("fields", ())
        return is_brought or self.tag == Tag.FACTOR_ADDED

    @property
    def user_ids(self) -> set[UUID]:
        """The users whose `UserActivity` it changes."""
        changed = self.subject_id if self.tag in CHANGING else None
        return {key for key in (changed, self.active_user_id) if key is not None}


def roll_up_all() -> None:
    """Roll up what is sealed and pending, as much as a task has time for."""
    for roll_up in (roll_up_events, roll_up_pending):
        for _batch in range(MAX_BATCHES):
            if roll_up() < BATCH:
                break


def roll_up_events() -> int:
    """Count the next `BATCH` sealed events, exactly once; return their number."""
    return _under_lock(_roll_up_events)


def roll_up_pending() -> int:
    """Count `BATCH` pending counts, and delete them; return their number."""
    return _under_lock(_roll_up_pending)


def roll_up_uses(uses: Iterable[tuple[UUID, dt.datetime, str]]) -> int:
    """Count the users of sessions as active; return the number of uses.

    A use is a user, its time and the client. Counts nothing while there is a backlog: older days
    of a user who is active today would be counted as known (`UserActivity.mark_active`).
    """
    return _under_lock(lambda: 0 if has_backlog() else _roll_up_uses(list(uses)))


def has_backlog() -> bool:
    """Return whether more than a batch of sealed events is not counted yet."""
    position = RollUp.objects.filter(pk=1).values_list("sequence", flat=True).first() or 0
    return EventSeal.objects.filter(sequence__gt=position + BATCH).exists()


def _under_lock(roll_up: Callable[[], int]) -> int:
    """Call the function in a transaction; return 0 if another process rolls up."""
    with transaction.atomic(durable=True):
        return roll_up() if try_lock(ROLL_UP) else 0


def _roll_up_events() -> int:
    position, _is_new = RollUp.objects.get_or_create(pk=1)
    events = _sealed_events(position.sequence)
    if events:
        _count_events(events)
        position.sequence = events[-1].sequence
        position.save(update_fields=["sequence"])
    return len(events)


def _sealed_events(sequence: int) -> list[SealedEvent]:
    """Return the next events after a position."""
    seals = EventSeal.objects.filter(sequence__gt=sequence).order_by("sequence")
    rows = seals.values_list(
        *("sequence", "event__tag", "event__actor_id", "event__subject_id", "event__data"),
        *("event__created_at", "event__details__values"),
    )
    return [SealedEvent(*row) for row in rows[:BATCH]]


def _count_events(events: list[SealedEvent]) -> None:
    tally = Tally.about(set().union(*(event.user_ids for event in events)))
    requested = _days_of_sign_ups({event.sign_up for event in events} - {None})
    for event in events:
        if event.tag in COLUMNS:
            tally.add(COLUMNS[event.tag], event.day, event.occurrence)
        if event.tag == Tag.USER_CREATED and event.subject_id:
            tally.add_user(event.subject_id, event.day)
        if event.sign_up in requested:
            tally.add("completed_sign_ups", requested[event.sign_up])
        if (event.tag in FACTORS or event.adds_factor) and event.subject_id:
            _count_factors(tally, event.subject_id, event)
        if event.active_user_id is not None:
            tally.add_activity(event.active_user_id, event.day, user_agent=event.user_agent)
        if event.tag == Tag.USER_ERASED and event.subject_id:
            tally.erase(event.subject_id)
    tally.save()


def _count_factors(tally: Tally, user_id: UUID, event: SealedEvent) -> None:
    before = tally.users[user_id].factors
    after = before + 1 if event.adds_factor else 0
    if event.tag == Tag.FACTOR_REMOVED:
        after = before - 1
    tally.set_factors(user_id, event.day, after)


def _days_of_sign_ups(links: Iterable[UUID | None]) -> dict[UUID | None, dt.date]:
    """Return when sign-ups were requested."""
    requests = Event.objects.filter(tag=Tag.SIGN_UP_REQUESTED, subject_id__in=links)
    moments = requests.values_list("subject_id", "created_at")
    return {link: created_at.date() for link, created_at in moments}


def _roll_up_pending() -> int:
    rows = list(PendingCount.objects.order_by("pk")[:BATCH])
    tally = Tally({})
    for row in rows:
        tally.add(row.name, row.day)
    tally.save()
    PendingCount.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _roll_up_uses(uses: list[tuple[UUID, dt.datetime, str]]) -> int:
    tally = Tally.about({user_id for user_id, _at, _user_agent in uses})
    for user_id, at, user_agent in uses:
        tally.add_activity(user_id, at.astimezone(dt.UTC).date(), user_agent=user_agent)
    tally.save()
    return len(uses)
