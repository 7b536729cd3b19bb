"""Events and their personal details."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Case, Q, When
from django.db.models.fields.json import KT
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

from core.database.append_only import AppendOnly
from core.database.ids import first_id_at, new_id
from core.security.actor import Actor
from users.activity.tags import Tag
from users.activity.visibility import event_rules
from users.scopes import Scope


def tag_choices() -> list[tuple[str, str]]:
    """Return all tags. A callable, so that a new tag needs no migration."""
    return [(tag.value, tag.value) for tag in Tag]


def _reference(to: str) -> Any:
    return models.ForeignKey(
        to,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )


class EventQuerySet(models.QuerySet["Event"]):
    """Events."""

    def visible_to(self, actor: Actor) -> Self:
        """Return the events that the actor may see.

        Administrators see all events; others those of `findable_by` and of `register_event_rule`.
        """
        if not actor.allows(Scope.EVENTS_READ):
            return self.none()
        if actor.is_superuser:
            return self
        if not actor.is_authenticated:
            return self.none()
        shown = _about(actor)
        for rule in event_rules():
            shown |= rule(actor)
        # As a CASE that is not null, of which the planner expects all rows. Multiplied with that of
        # a list's own condition, the selectivity of an OR would promise less than a page, so that
        # the planner would read and sort the whole list; and estimated counts would be too small.
        is_shown = Case(When(shown, then=True), output_field=models.BooleanField())
        return self.filter(IsNull(is_shown, False))  # noqa: FBT003 - a value

    def findable_by(self, actor: Actor) -> Self:
        """Return the events that the actor finds in the audit trail and below users.

        Administrators find all events; others find those about themselves. The rules of
        `register_event_rule` do not count: no index serves both in the order of the list.
        """
        return self if actor.is_superuser else self.filter(_about(actor))

    def since(self, moment: datetime) -> Self:
        """Return events of ``moment`` and later, by the primary key: ids are UUIDv7."""
        return self.filter(pk__gte=first_id_at(moment))

    def before(self, moment: datetime) -> Self:
        """Return events before ``moment``."""
        return self.filter(pk__lt=first_id_at(moment))


def _about(actor: Actor) -> Q:
    return Q(subject_id=actor.user_id)


class Event(AppendOnly):
    """An entry of the audit trail; PostgreSQL enforces that rows are append-only.

    The table is partitioned by month (`activity/0011_partitions`), as that of the details.
    An event outlives users and organisations, so it has no foreign key constraints; the subject may
    also be a mailed link. The row holds no personal data: that is in `EventDetails`, to which
    ``details_digest`` is a commitment.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tag = models.CharField(_("tag"), max_length=64, choices=tag_choices)
    actor = _reference(settings.AUTH_USER_MODEL)
    subject = _reference(settings.AUTH_USER_MODEL)
    # A copy of `data["organization"]`, which the seal covers, for an index.
    organization = _reference("organizations.Organization")
    session_id = models.UUIDField(_("session"), null=True)
    data = models.JSONField(_("data"), default=dict, encoder=DjangoJSONEncoder)
    details_digest = models.BinaryField(max_length=32, null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = EventQuerySet.as_manager()

    # For the engine: rows have no location of their own.
    is_partitioned = True

    class Meta:
        """Indexed by id for reading newest first: ids are UUIDv7."""

        base_manager_name = "objects"
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes: ClassVar = [
            models.Index(fields=["subject", "id"], name="event_subject"),
            models.Index(fields=["actor", "id"], name="event_actor"),
            models.Index(fields=["tag", "id"], name="event_tag"),
            # Partial: most events are not about an organisation.
            models.Index(
                fields=["organization", "id"],
                name="event_organization",
                condition=Q(organization__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        """Return the tag and the row's id."""
        return f"{self.tag} {self.pk}"

    @property
    def has_its_organization(self) -> bool:
        """Whether the reference to an organisation equals the sealed one in `data`."""
        key = None if self.organization_id is None else str(self.organization_id)
        return bool(key == self.data.get("organization"))

    @property
    def personal_values(self) -> dict[str, Any]:
        """The personal details; empty if there were none or they were erased."""
        # For a missing row, Django raises `RelatedObjectDoesNotExist`, an AttributeError.
        details: EventDetails | None = getattr(self, "details", None)
        return details.values if details else {}


class EventDetails(models.Model):
    """The erasable personal data of an event: addresses, devices, old names.

    The event stores a salted digest of it. The digest proves that the details are unaltered; once
    they and the salt are erased, it reveals nothing.
    """

    # Without a constraint: partitions of both tables are dropped on their own.
    event = models.OneToOneField(
        Event,
        on_delete=models.DO_NOTHING,
        primary_key=True,
        related_name="details",
        db_constraint=False,
    )
    salt = models.BinaryField(max_length=16)
    values = models.JSONField()

    class Meta:
        """At most one per event."""

        verbose_name_plural = "event details"
        indexes: ClassVar = [
            # Finds the mails sent to an address, for the data export of its owner.
            models.Index(
                KT("values__email"),
                name="event_details_email",
                condition=Q(values__has_key="email"),
            ),
        ]

    def __str__(self) -> str:
        """Return the event's id; the values are personal data."""
        return str(self.pk)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return unsaved details with a new salt."""
        return cls(salt=secrets.token_bytes(16), values=dict(values))

    def digest(self) -> bytes:
        """Return the SHA-256 of the salt and the values."""
        text = json.dumps(self.values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(bytes(self.salt) + text.encode()).digest()
