"""Personal data in events and in tables of third-party packages."""

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

from core.database.replicas.models import Timeline
from core.outbox.models import BeatLease, OutboxMessage
from core.ratelimit.models import StoredBucket
from core.versions.models import VersionPart
from users.activity.models import (
    COUNTS,
    AuditStream,
    CohortWeek,
    Event,
    EventDetails,
    EventSeal,
    IntervalCounts,
    PendingCount,
    RollUp,
    UserActivity,
)
from users.activity.personal_data_registry import (
    DataSubject,
    DeleteRows,
    NonPersonalTable,
    PersonalTable,
    ReplaceValues,
    RetainRows,
    Row,
    defaults_of,
    register_address_source,
    register_eraser,
    register_tables,
)
from users.activity.tags import Tag

ORIGIN: Final = ("ip", "user_agent")


def _links_of(subject: DataSubject) -> list[UUID]:
    """Return the mailed links in events about the user."""
    about = Event.objects.filter(subject_id=subject.id, data__has_key="link")
    return [UUID(link) for link in about.values_list("data__link", flat=True)]


def _to_addresses(subject: DataSubject) -> Q:
    """Match details of mails to the user's addresses, by an index."""
    return Q(In(KT("values__email"), sorted(subject.emails)), values__has_key="email")


def _links_to(subject: DataSubject) -> list[UUID]:
    """Return the links mailed to the user's addresses."""
    details = EventDetails.objects.filter(_to_addresses(subject), event__subject_id__isnull=False)
    return list(details.values_list("event__subject_id", flat=True))


def _details(subject: DataSubject) -> list[Q]:
    """Return conditions for the user's details, in order of dependency.

    Events of an invitee without an account are found by the link, the link by the address it was
    mailed to, and the address by the events about the user. Rows that find others come last, since
    erasure deletes in this order.
    """
    row_conditions = [Q(event__subject_id__in=_links_of(subject)), Q(event__actor_id=subject.id)]
    if subject.emails:
        by_link = Q(event__subject_id__in=_links_to(subject))
        row_conditions = [
            by_link & ~Q(values__has_key="email"),
            _to_addresses(subject),
            *row_conditions,
        ]
    return [*row_conditions, Q(event__subject_id=subject.id)]


def _events(subject: DataSubject) -> list[Q]:
    links = Q(subject_id__in=_links_of(subject))
    return [Q(subject_id=subject.id), Q(actor_id=subject.id), links]


def _export_event(row: Row, subject: DataSubject) -> Row:
    """Return an event without the personal data of other users.

    Excludes the IP address and device of another actor, and details about another subject.
    """
    actor_id, subject_id = row.pop("actor"), row.pop("subject")
    values = row.pop("details__values") or {}
    is_own = actor_id == subject.id
    is_about_another = is_own and subject_id not in (None, subject.id)
    shown = {
        name: value
        for name, value in values.items()
        if (actor_id is None or is_own if name in ORIGIN else not is_about_another)
    }
    return row | {"by_yourself": is_own, "personal": shown}


@register_address_source
def _former_addresses(user_id: UUID) -> Iterator[tuple[str, bool]]:
    """Yield the user's former and requested addresses, as not verified."""
    tags = (
        *(Tag.EMAIL_CHANGED, Tag.EMAIL_CHANGE_REQUESTED),
        *(Tag.EMAIL_ADDRESS_REQUESTED, Tag.EMAIL_ADDRESS_ADDED, Tag.EMAIL_ADDRESS_REMOVED),
    )
    details = EventDetails.objects.filter(event__subject_id=user_id, event__tag__in=tags)
    for values in details.values_list("values", flat=True):
        for part in (values, values.get("old", {}), values.get("new", {})):
            if "email" in part:
                yield part["email"], False


@register_eraser
def _delete_pending_messages(subject: DataSubject) -> None:
    """Delete the pending outbox messages of the user's events."""
    events = Event.objects.filter(pk=OuterRef("event"))
    messages = OutboxMessage.objects.annotate(event=Cast(KT("payload__event_id"), UUIDField()))
    about = events.filter(Q(subject_id=subject.id) | Q(actor_id=subject.id))
    messages.filter(Exists(about)).delete()


register_tables(
    PersonalTable(
        model=EventDetails,
        row_conditions=_details,
        exported=(),
        not_exported={
            "event": "exported with the event",
            "values": "exported with the event",
            "salt": "random; part of the audit trail's proof",
        },
        erasure=DeleteRows(),
    ),
    PersonalTable(
        model=Event,
        row_conditions=_events,
        exported=("id", "tag", "created_at", "data", "actor", "subject", "details__values"),
        not_exported={
            "session_id": "exported with the sessions while the session exists",
            "organization": "exported in `data`",
            "details_digest": "part of the audit trail's proof",
        },
        erasure=RetainRows("The audit trail stays complete; personal data is in the details."),
        export_row=_export_event,
    ),
    NonPersonalTable(
        model=EventSeal,
        columns=("sequence", "event", "hash", "sealed_at"),
        reason="Hashes of events, which include personal details by a salted digest only.",
    ),
    PersonalTable(
        model=UserActivity,
        row_conditions=lambda subject: [Q(user_id=subject.id)],
        exported=("joined_on", "last_active_on"),
        not_exported={
            "user": "the user",
            "days": "bits, by which each day is counted once",
            "factors": "exported with the second factors",
        },
        erasure=ReplaceValues(
            defaults_of(UserActivity, "joined_on", "last_active_on", "days"),
            retained={
                "user": "the anonymous row",
                "factors": "subtracted when the erasure is counted, which deletes the row",
            },
        ),
    ),
    NonPersonalTable(
        model=IntervalCounts,
        columns=("id", "interval", "start", "dimension", "segment", *COUNTS),
        reason="Aggregate counts. A domain has a segment only if several users share it.",
    ),
    NonPersonalTable(
        model=CohortWeek,
        columns=("id", "cohort", "week", "users"),
        reason="Aggregate counts.",
    ),
    NonPersonalTable(
        model=PendingCount, columns=("id", "name", "day"), reason="Kinds of mails, and days."
    ),
    NonPersonalTable(
        model=RollUp, columns=("id", "sequence", "folded_before"), reason="A position."
    ),
    NonPersonalTable(
        model=AuditStream, columns=("id", "sequence", "claimed_until"), reason="A position."
    ),
    NonPersonalTable(
        model=OutboxMessage,
        columns=(
            *("id", "subscriber", "payload", "queue", "created_at", "attempts", "interruptions"),
            *("dispatch_at", "claimed_until", "retry_at", "failing_since", "failed_at", "failure"),
            "request_id",
        ),
        reason="Ids of events; messages about an erased user are deleted.",
    ),
    NonPersonalTable(
        model=BeatLease, columns=("id", "holder", "renewed_at"), reason="A process's random id."
    ),
    NonPersonalTable(
        model=StoredBucket,
        columns=("key", "empty_at"),
        reason="Keyed digests, kept for two days at most; those of an erased user are deleted.",
    ),
    NonPersonalTable(
        model=Timeline,
        columns=("id", "timeline", "mark"),
        reason="By which replicas show whose history they have.",
    ),
    NonPersonalTable(
        model=VersionPart,
        columns=("entity", "part", "value"),
        reason="Random numbers for ids, which remain with the anonymous row.",
    ),
    NonPersonalTable(model=Group, columns=("id", "name"), reason="Configured by administrators."),
    NonPersonalTable(
        model=Group.permissions.through,
        columns=("id", "group", "permission"),
        reason="Configured by administrators.",
    ),
    NonPersonalTable(
        model=Permission,
        columns=("id", "name", "content_type", "codename"),
        reason="Configured by administrators.",
    ),
    NonPersonalTable(
        model=ContentType, columns=("id", "app_label", "model"), reason="Names of tables."
    ),
    NonPersonalTable(
        model=LogEntry,
        columns=(
            *("id", "action_time", "user", "content_type", "object_id", "object_repr"),
            *("action_flag", "change_message"),
        ),
        reason="Empty: events replace it.",
    ),
)
