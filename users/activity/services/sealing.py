"""Sealing events, and verifying the seals."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from core.database.ids import first_id_at, moment_of
from users.activity.models import Event, EventDetails
from users.activity.models.seals import GENESIS, EventSeal, hash_after

BATCH: Final = 1_000
# How long after the creation of its id an event may be committed: transactions end in seconds, but
# servers' clocks may differ. Events that are later or backdated stay unsealed, and `verify_audit`
# reports them.
LATENESS: Final = timedelta(hours=1)
# Key of the sealer's advisory lock; an arbitrary number that nothing else uses.
SEALER: Final = 7_305_804_385_369_125


@transaction.atomic(durable=True)
def seal_batch(*, lateness: timedelta = LATENESS) -> int:
    """Seal up to `BATCH` committed events, oldest first; return their number.

    Searches from ``lateness`` before the last sealed event. Of concurrent callers one seals, and
    the others return 0. The lock is held until the commit, so the next holder sees the seals.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEALER])
        if cursor.fetchone() != (True,):
            return 0
    last = EventSeal.objects.order_by("-sequence").first()
    sequence, previous = (last.sequence, bytes(last.hash)) if last else (0, GENESIS)
    seals = []
    earliest = _earliest_after(last, lateness)
    events = Event.objects.filter(~_is_sealed(earliest), pk__gte=earliest).order_by("pk")
    for event in events[:BATCH]:
        sequence += 1
        previous = hash_after(previous, sequence, event)
        seals.append(EventSeal(sequence=sequence, event=event, hash=previous))
    EventSeal.objects.bulk_create(seals)
    return len(seals)


def seal_all() -> None:
    """Seal all unsealed events, in one transaction per batch.

    Only the first batch searches for late events, so that a backlog is not scanned repeatedly.
    """
    size = seal_batch()
    while size == BATCH:
        size = seal_batch(lateness=timedelta())


def _is_sealed(earliest: UUID) -> Exists:
    """Return a condition for sealed events; ``earliest`` bounds the scan of the seals."""
    return Exists(EventSeal.objects.filter(event=OuterRef("pk"), event__gte=earliest))


def _earliest_after(last: EventSeal | None, lateness: timedelta = LATENESS) -> UUID:
    """Return the lowest id of an event that may be sealed after ``last``.

    The time of sealing bounds it, too: a server whose clock is ahead creates ids in the future,
    which must not exclude the events of other servers.
    """
    if last is None:
        return UUID(int=0)
    return first_id_at(min(moment_of(last.event_id), last.sealed_at) - lateness)


@dataclass(frozen=True, slots=True)
class Finding:
    """An inconsistency in the audit trail."""

    subject: str
    problem: str

    def __str__(self) -> str:
        """Return the subject and the problem."""
        return f"{self.subject}: {self.problem}"


@dataclass(slots=True)
class Verification:
    """A verification of the chain; its counts are final once `findings` is exhausted."""

    # An earlier head of the chain, stored outside of the database.
    anchor: bytes | None = None
    seals: int = 0
    waiting: int = 0
    head: bytes = GENESIS

    def findings(self) -> Iterator[Finding]:
        """Yield all inconsistencies, with bounded memory.

        Each seal is verified against its event and the stored previous seal, so that a change is
        reported once, and not for every later seal.
        """
        last, is_anchored = None, self.anchor in (None, GENESIS)
        while batch := self._seals_after(last):
            keys = [seal.event_id for seal in batch]
            events = Event.objects.in_bulk(keys)
            details = EventDetails.objects.in_bulk(keys)
            for seal in batch:
                event = events.get(seal.event_id)
                yield from self._about(seal, last, event, details.get(seal.event_id))
                last, self.head = seal, bytes(seal.hash)
                is_anchored = is_anchored or self.head == self.anchor
            self.seals += len(batch)
        if not is_anchored:
            yield Finding(
                "the chain", "does not contain the given head: it was truncated or rebuilt"
            )
        yield from self._never_sealed(last)

    @staticmethod
    def _seals_after(last: EventSeal | None) -> list[EventSeal]:
        seals = EventSeal.objects.order_by("sequence")
        return list((seals.filter(sequence__gt=last.sequence) if last else seals)[:BATCH])

    @staticmethod
    def _about(
        seal: EventSeal, last: EventSeal | None, event: Event | None, details: EventDetails | None
    ) -> Iterator[Finding]:
        expected = last.sequence + 1 if last else 1
        previous = bytes(last.hash) if last else GENESIS
        name = f"event {seal.event_id}, sealed as {seal.sequence}"
        if seal.sequence != expected:
            yield Finding(f"seals {expected} to {seal.sequence - 1}", "are missing")
        elif event is None:
            yield Finding(name, "is missing")
        elif hash_after(previous, seal.sequence, event) != bytes(seal.hash):
            yield Finding(name, "the event, its seal or the previous seal was changed")
        if event and not event.has_its_organization:
            yield Finding(name, "its organisation differs from the one in its data")
        digest = event.details_digest if event else None
        if event and details and (digest is None or bytes(digest) != details.digest()):
            yield Finding(name, "its details were changed")

    def _never_sealed(self, last: EventSeal | None) -> Iterator[Finding]:
        """Yield events that are too old to be sealed, and count those that are pending."""
        earliest, position = _earliest_after(last), UUID(int=0)
        events = Event.objects.annotate(is_sealed=_is_sealed(position)).order_by("pk")
        while batch := events.filter(pk__gt=position).values_list("pk", "is_sealed")[:BATCH]:
            for event_id, is_sealed in batch:
                position = event_id
                if is_sealed:
                    continue
                if event_id < earliest:
                    yield Finding(f"event {event_id}", "was never sealed: it was backdated")
                self.waiting += event_id >= earliest
