"""Events, what is personal about them, and daily counts."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.fields.json import KT
from django.utils.translation import gettext_lazy as _

from core.database.append_only import AppendOnly
from core.database.ids import new_id
from users.activity.querysets import DailyCountQuerySet, EventQuerySet
from users.activity.tags import Tag


def tag_choices() -> list[tuple[str, str]]:
    """Return every tag; a function, so that a new one needs no migration."""
    return [(tag.value, tag.value) for tag in Tag]


def _person() -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )


class Event(AppendOnly):
    """One thing that happened. Rows are only ever added, and PostgreSQL sees to that.

    An event outlives what it is about, so no constraint ties it to people; a subject may also
    be a link that was mailed. Nothing in a row is personal: that is in `EventDetails`, to which
    ``details_digest`` commits.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tag = models.CharField(_("tag"), max_length=64, choices=tag_choices)
    actor = _person()
    subject = _person()
    session_id = models.UUIDField(_("session"), null=True)
    data = models.JSONField(_("data"), default=dict, encoder=DjangoJSONEncoder)
    details_digest = models.BinaryField(max_length=32, null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        """The audit trail is read newest first, and ids grow with time."""

        base_manager_name = "objects"
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes: ClassVar = [
            models.Index(fields=["subject", "id"], name="event_subject"),
            models.Index(fields=["actor", "id"], name="event_actor"),
            models.Index(fields=["tag", "id"], name="event_tag"),
        ]

    def __str__(self) -> str:
        """Name the tag and the row."""
        return f"{self.tag} {self.pk}"

    @property
    def personal_values(self) -> dict[str, Any]:
        """The details; empty if there were none, or if they were erased."""
        # What Django raises where there is no row is an AttributeError, too.
        details: EventDetails | None = getattr(self, "details", None)
        return details.values if details else {}


class EventDetails(models.Model):
    """What of an event is personal: addresses, devices, former names. It can be erased.

    The event keeps a salted digest. As long as the details are here it proves that nobody
    altered them; once they and their salt are gone, nothing can be found out from it.
    """

    event = models.OneToOneField(
        Event, on_delete=models.DO_NOTHING, primary_key=True, related_name="details"
    )
    salt = models.BinaryField(max_length=16)
    values = models.JSONField()

    class Meta:
        """One row an event at the most."""

        verbose_name_plural = "event details"
        indexes: ClassVar = [
            # What was mailed to an address, for its owner.
            models.Index(
                KT("values__email"),
                name="event_details_email",
                condition=models.Q(values__has_key="email"),
            ),
        ]

    def __str__(self) -> str:
        """Name the event's row only."""
        return str(self.pk)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return unsaved details with a salt of their own."""
        return cls(salt=secrets.token_bytes(16), values=dict(values))

    def digest(self) -> bytes:
        """Return the SHA-256 of the salt and the values."""
        text = json.dumps(self.values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(bytes(self.salt) + text.encode()).digest()


class DailyCount(models.Model):
    """How often a tag happened on one day, in UTC."""

    day = models.DateField(_("day"))
    tag = models.CharField(_("tag"), max_length=64, choices=tag_choices)
    count = models.PositiveBigIntegerField(_("count"), default=0)

    objects = DailyCountQuerySet.as_manager()

    class Meta:
        """One row a day and tag."""

        verbose_name = _("daily count")
        verbose_name_plural = _("daily counts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["day", "tag"], name="daily_count_unique"),
        ]

    def __str__(self) -> str:
        """Name the day and the tag."""
        return f"{self.tag} on {self.day}"
