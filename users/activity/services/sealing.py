"""Sealing events, and looking whether the seals still hold."""

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
# By how much an event may be committed after its id was made: transactions end in seconds, and
# servers' clocks may differ. What comes later still, or is added to the past, is not sealed but
# found by `verify_audit`.
LATENESS: Final = timedelta(hours=1)
# The advisory lock of whoever seals; a number that nothing else uses.
SEALER: Final = 7_305_804_385_369_125


@transaction.atomic(durable=True)
def seal_batch(*, lateness: timedelta = LATENESS) -> int:
    """Seal committed events, the oldest first, at most `BATCH`; return how many.

    They are looked for from ``lateness`` before the last one that was sealed. Of several who come
    at once one seals, and the others return. The lock is held until the seals are committed, so
    whoever gets it next sees them.
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
    """Seal batch by batch until nothing is left, each of which is progress kept.

    For late ones only the first looks, so that a backlog is not looked through again and again.
    """
    size = seal_batch()
    while size == BATCH:
        size = seal_batch(lateness=timedelta())


def _is_sealed(earliest: UUID) -> Exists:
    """Ask whether an event of that id or a later one is sealed, and not for all seals there are."""
    return Exists(EventSeal.objects.filter(event=OuterRef("pk"), event__gte=earliest))


def _earliest_after(last: EventSeal | None, lateness: timedelta = LATENESS) -> UUID:
    """Return the earliest id that an event may have which is sealed after ``last``.

    A clock that is ahead makes ids that are, and must not keep others from being sealed.
    """
    if last is None:
        return UUID(int=0)
    return first_id_at(min(moment_of(last.event_id), last.sealed_at) - lateness)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the audit trail that should not be."""

    subject: str
    problem: str

    def __str__(self) -> str:
        """Say what is wrong, and with what."""
        return f"{self.subject}: {self.problem}"


@dataclass(slots=True)
class Verification:
    """A walk along the chain. The figures are right once all findings were read."""

    # A hash that was the chain's head once and was kept elsewhere.
    anchor: bytes | None = None
    seals: int = 0
    waiting: int = 0
    head: bytes = GENESIS

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong, with bounded memory.

        Each seal is compared with its event and with the seal before as they are stored, so that
        a change is told where it is, and not for everything after it.
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
            yield Finding("the chain", "the given head is not in it: it was cut off or made anew")
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
            yield Finding(name, "it, its seal or the seal before is not what it was")
        digest = event.details_digest if event else None
        if event and details and (digest is None or bytes(digest) != details.digest()):
            yield Finding(name, "its details are not what they were")

    def _never_sealed(self, last: EventSeal | None) -> Iterator[Finding]:
        """Tell of events that came too late to be sealed, and count those that wait for it."""
        earliest, position = _earliest_after(last), UUID(int=0)
        events = Event.objects.annotate(is_sealed=_is_sealed(position)).order_by("pk")
        while batch := events.filter(pk__gt=position).values_list("pk", "is_sealed")[:BATCH]:
            for key, is_sealed in batch:
                position = key
                if is_sealed:
                    continue
                if key < earliest:
                    yield Finding(f"event {key}", "was never sealed: it was added to the past")
                self.waiting += key >= earliest
