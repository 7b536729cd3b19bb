"""Sealing events, and verifying the seals."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from core.database.copies import copy_rows
from core.database.ids import first_id_at, moment_of
from core.database.locks import try_lock
from users.activity.models import Event, EventDetails
from users.activity.models.seals import GENESIS, SEALED, EventSeal, hash_after
from users.activity.services.partitions import expired_before

BATCH: Final = 1_000
# How long after the creation of its id an event may be committed: transactions end in seconds, but
# servers' clocks may differ. Events that are later or backdated stay unsealed, and `verify_audit`
# reports them.
LATENESS: Final = timedelta(hours=1)
# The same for `seal_recent`, which runs every few seconds: the longest request.
RECENT_LATENESS: Final = timedelta(seconds=30)
# Key of the sealer's advisory lock; an arbitrary number that nothing else uses.
SEALER: Final = 7_305_804_385_369_125
# No id is lower.
FIRST_ID: Final = UUID(int=0)


@transaction.atomic(durable=True)
def seal_batch(*, lateness: timedelta = LATENESS) -> int:
    """Seal up to `BATCH` committed events, oldest first; return their number.

    Searches from ``lateness`` before the last sealed event. Of concurrent callers one seals, and
    the others return 0. The lock is held until the commit, so the next holder sees the seals.
    """
    if not try_lock(SEALER):
        return 0
    last = EventSeal.objects.order_by("-sequence").first()
    sequence, previous = (last.sequence, bytes(last.hash)) if last else (0, GENESIS)
    seals = []
    earliest, now = _earliest_after(last, lateness), timezone.now()
    events = Event.objects.filter(~_is_sealed(earliest), pk__gte=earliest).order_by("pk")
    for event in events.values_list(*SEALED, named=True)[:BATCH]:
        sequence += 1
        previous = hash_after(previous, sequence, event)
        seals.append((sequence, event.id, previous, now))
    copy_rows(EventSeal, ("sequence", "event_id", "hash", "sealed_at"), seals)
    return len(seals)


def seal_all() -> None:
    """Seal all unsealed events, in one transaction per batch.

    Only the first batch searches for late events, so that a backlog is not scanned repeatedly.
    """
    _seal_batches(LATENESS)


def seal_recent() -> None:
    """Seal events without searching long for late ones, which `seal_all` finds."""
    _seal_batches(RECENT_LATENESS)


def _seal_batches(lateness: timedelta) -> None:
    size = seal_batch(lateness=lateness)
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
        return FIRST_ID
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
    # Seals whose events were dropped with their partition.
    expired: int = 0
    head: bytes = GENESIS
    # The smallest id of an event that has not expired.
    _oldest: UUID = FIRST_ID

    def findings(self) -> Iterator[Finding]:
        """Yield all inconsistencies, with bounded memory.

        Each seal is verified against its event and the stored previous seal, so that a change is
        reported once, and not for every later seal. Of events that expired, the seals are
        evidence: the event that says until when is itself sealed by a later one.
        """
        before = expired_before()
        self._oldest = first_id_at(before) if before else FIRST_ID
        last, is_anchored = None, self.anchor in (None, GENESIS)
        while batch := self._seals_after(last):
            keys = [seal.event_id for seal in batch]
            events = Event.objects.in_bulk(keys)
            details = EventDetails.objects.in_bulk(keys)
            for seal in batch:
                event = events.get(seal.event_id)
                self.expired += event is None and seal.event_id < self._oldest
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

    def _about(
        self,
        seal: EventSeal,
        last: EventSeal | None,
        event: Event | None,
        details: EventDetails | None,
    ) -> Iterator[Finding]:
        expected = last.sequence + 1 if last else 1
        previous = bytes(last.hash) if last else GENESIS
        name = f"event {seal.event_id}, sealed as {seal.sequence}"
        if seal.sequence != expected:
            yield Finding(f"seals {expected} to {seal.sequence - 1}", "are missing")
        elif event is None:
            if seal.event_id >= self._oldest:
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
        earliest, position = _earliest_after(last), FIRST_ID
        events = Event.objects.annotate(is_sealed=_is_sealed(position)).order_by("pk")
        while batch := events.filter(pk__gt=position).values_list("pk", "is_sealed")[:BATCH]:
            for event_id, is_sealed in batch:
                position = event_id
                if is_sealed:
                    continue
                if event_id < earliest:
                    yield Finding(f"event {event_id}", "was never sealed: it was backdated")
                self.waiting += event_id >= earliest
