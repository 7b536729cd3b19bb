"""Reads of the daily figures."""

from datetime import date
from typing import TYPE_CHECKING, Self

from django.db import models

from core.actor import Actor

if TYPE_CHECKING:
    from users.activity.models import DailyCount


class DailyCountQuerySet(models.QuerySet["DailyCount"]):
    """Daily counts."""

    def visible_to(self, actor: Actor) -> Self:
        """Figures about everybody are for staff."""
        return self if actor.is_staff else self.none()

    def between(self, first: date, last: date) -> Self:
        """Days from ``first`` to ``last``, both included."""
        return self.filter(day__range=(first, last))

    def by_day_and_tag(self) -> dict[tuple[date, str], int]:
        """Read the counts; a day on which nothing of a tag happened has none."""
        return {(row.day, row.tag): row.count for row in self}
