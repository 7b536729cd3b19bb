"""What the events tell of people, and the tables of other packages."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, UUIDField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.db.models.lookups import In

from core.outbox.models import OutboxMessage
from core.ratelimit.models import StoredBucket
from users.activity.models import DailyCount, Event, EventDetails, EventSeal
from users.activity.personal import (
    ImpersonalTable,
    Kept,
    Person,
    PersonalTable,
    Removed,
    Row,
    also_erases,
    declare,
    knows_addresses,
)
from users.activity.tags import Tag

ORIGIN: Final = ("ip", "user_agent")


def _links_of(person: Person) -> list[UUID]:
    """Return the mailed links that events about the person name, such as that of the sign-up."""
    about = Event.objects.filter(subject_id=person.id, data__has_key="link")
    return [UUID(link) for link in about.values_list("data__link", flat=True)]


def _to_addresses(person: Person) -> Q:
    """Find by an index what was mailed to the person's addresses."""
    return Q(In(KT("values__email"), sorted(person.emails)), values__has_key="email")


def _links_to(person: Person) -> list[UUID]:
    """Return the links that were mailed to the person's addresses."""
    mailed = EventDetails.objects.filter(_to_addresses(person), event__subject_id__isnull=False)
    return list(mailed.values_list("event__subject_id", flat=True))


def _details(person: Person) -> list[Q]:
    """Find details; those by which others are found come last.

    What an invited person does without an account is found by the link, the link by the address
    to which it was mailed, and the address by the events about the person.
    """
    ways = [Q(event__subject_id__in=_links_of(person)), Q(event__actor_id=person.id)]
    if person.emails:
        by_link = Q(event__subject_id__in=_links_to(person))
        ways = [by_link & ~Q(values__has_key="email"), _to_addresses(person), *ways]
    return [*ways, Q(event__subject_id=person.id)]


def _events(person: Person) -> list[Q]:
    links = Q(subject_id__in=_links_of(person))
    return [Q(subject_id=person.id), Q(actor_id=person.id), links]


def _tell_event(row: Row, person: Person) -> Row:
    """Tell of an event what the person may know.

    The address and the device of somebody else stay theirs, and so does what an administrator's
    own deed tells of another person.
    """
    actor_id, subject_id = row.pop("actor"), row.pop("subject")
    values = row.pop("details__values") or {}
    is_own = actor_id == person.id
    is_about_another = is_own and subject_id not in (None, person.id)
    shown = {
        name: value
        for name, value in values.items()
        if (actor_id is None or is_own if name in ORIGIN else not is_about_another)
    }
    return row | {"by_yourself": is_own, "personal": shown}


@knows_addresses
def _former_addresses(user_id: UUID) -> Iterator[tuple[str, bool]]:
    """Yield the addresses that the person had or asked for; none counts as verified now."""
    tags = (
        *(Tag.EMAIL_CHANGED, Tag.EMAIL_CHANGE_REQUESTED),
        *(Tag.EMAIL_ADDRESS_REQUESTED, Tag.EMAIL_ADDRESS_ADDED, Tag.EMAIL_ADDRESS_REMOVED),
    )
    details = EventDetails.objects.filter(event__subject_id=user_id, event__tag__in=tags)
    for values in details.values_list("values", flat=True):
        for part in (values, values.get("old", {}), values.get("new", {})):
            if "email" in part:
                yield part["email"], False


@also_erases
def _drop_messages(person: Person) -> None:
    """Leave undone what waits to be done on account of the person's events."""
    events = Event.objects.filter(pk=OuterRef("event"))
    waiting = OutboxMessage.objects.annotate(event=Cast(KT("payload__event_id"), UUIDField()))
    about = events.filter(Q(subject_id=person.id) | Q(actor_id=person.id))
    waiting.filter(Exists(about)).delete()


declare(
    PersonalTable(
        model=EventDetails,
        ways=_details,
        told=(),
        withheld={
            "event": "told with the event",
            "values": "told with the event",
            "salt": "random; part of the audit trail's proof",
        },
        erasure=Removed(),
    ),
    PersonalTable(
        model=Event,
        ways=_events,
        told=("id", "tag", "created_at", "data", "actor", "subject", "details__values"),
        withheld={
            "session_id": "told with the sessions, as long as there is one",
            "details_digest": "part of the audit trail's proof",
        },
        erasure=Kept("The audit trail stays whole; what is personal is in the details."),
        tell=_tell_event,
    ),
    ImpersonalTable(
        model=EventSeal,
        columns=("sequence", "event", "hash", "sealed_at"),
        reason="Hashes of events, to which the details belong by a salted digest only.",
    ),
    ImpersonalTable(
        model=DailyCount,
        columns=("id", "day", "tag", "count"),
        reason="Figures about everybody.",
    ),
    ImpersonalTable(
        model=OutboxMessage,
        columns=(
            *("id", "subscriber", "payload", "created_at", "attempts", "dispatch_at"),
            *("claimed_until", "failed_at", "failure", "request_id"),
        ),
        reason="Ids of events; those of an erased person are dropped.",
    ),
    ImpersonalTable(
        model=StoredBucket,
        columns=("key", "empty_at"),
        reason="Keyed digests, for a day or two at the most; those of an erased person go.",
    ),
    ImpersonalTable(model=Group, columns=("id", "name"), reason="What administrators made."),
    ImpersonalTable(
        model=Group.permissions.through,
        columns=("id", "group", "permission"),
        reason="What administrators made.",
    ),
    ImpersonalTable(
        model=Permission,
        columns=("id", "name", "content_type", "codename"),
        reason="What administrators made.",
    ),
    ImpersonalTable(
        model=ContentType, columns=("id", "app_label", "model"), reason="Names of tables."
    ),
    ImpersonalTable(
        model=LogEntry,
        columns=(
            *("id", "action_time", "user", "content_type", "object_id", "object_repr"),
            *("action_flag", "change_message"),
        ),
        reason="Empty: the events take its place.",
    ),
)
