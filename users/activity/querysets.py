"""Querysets of events and daily counts."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Self

from django.db import models

from core.database.ids import first_id_at
from core.security.actor import Actor
from users.scopes import Scope

if TYPE_CHECKING:
    from users.activity.models import DailyCount, Event


class EventQuerySet(models.QuerySet["Event"]):
    """Events."""

    def visible_to(self, actor: Actor) -> Self:
        """Administrators see all events; other users see events about themselves."""
        if not actor.allows(Scope.EVENTS_READ):
            return self.none()
        if actor.is_superuser:
            return self
        return self.filter(subject_id=actor.user_id) if actor.is_authenticated else self.none()

    def since(self, moment: datetime) -> Self:
        """Return events of ``moment`` and later, by the primary key: ids are UUIDv7."""
        return self.filter(pk__gte=first_id_at(moment))

    def before(self, moment: datetime) -> Self:
        """Return events before ``moment``."""
        return self.filter(pk__lt=first_id_at(moment))


class DailyCountQuerySet(models.QuerySet["DailyCount"]):
    """Daily counts."""

    def visible_to(self, actor: Actor) -> Self:
        """Staff see all counts; other users see none."""
        may_see = actor.is_staff and actor.allows(Scope.ANALYTICS_READ)
        return self if may_see else self.none()

    def between(self, first: date, last: date) -> Self:
        """Return the counts from ``first`` to ``last``, inclusive."""
        return self.filter(day__range=(first, last))

    def by_day_and_tag(self) -> dict[tuple[date, str], int]:
        """Return the counts by day and tag; a day without events of a tag has no entry."""
        return {(row.day, row.tag): row.count for row in self}
