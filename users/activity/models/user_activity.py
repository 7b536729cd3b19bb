"""On which days users were active."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.db import models

from users.activity.analytics import AnalyticsInterval

# A month and more, in the bits of a positive `bigint`.
DAYS: Final = 63
MASK: Final = (1 << DAYS) - 1


class UserActivity(models.Model):
    """What is known of a user to count them once per day, week and month.

    One row per user, so nothing need be pruned. ``days`` are the last `DAYS` days as bits: bit 0
    is ``last_active_on``, bit 1 the day before. There is no foreign key constraint, whose check
    would make the roll-up wait for services that lock the user.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        primary_key=True,
        related_name="+",
        db_constraint=False,
    )
    joined_on = models.DateField(null=True)
    last_active_on = models.DateField(null=True)
    days = models.BigIntegerField(default=0)
    # The number of second factors that are set up.
    factors = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        """Return the user's id."""
        return str(self.pk)

    def mark_active(self, day: dt.date) -> list[AnalyticsInterval]:
        """Set the day's bit; return the intervals that have their first active day with it.

        None if the bit is set already, or if the day is `DAYS` before the last one.
        """
        if self.last_active_on is None or day > self.last_active_on:
            passed = (day - self.last_active_on).days if self.last_active_on else DAYS
            self.days = self.days << min(passed, DAYS) & MASK
            self.last_active_on = day
        bit = self._bits(day, day)
        if self.days & bit or not bit:
            return []
        first = [
            interval
            for interval in AnalyticsInterval
            if not self.days & self._bits(interval.start_of(day), interval.end_of(day))
        ]
        self.days |= bit
        return first

    def active_weeks(self) -> set[dt.date]:
        """Return the first days of the weeks with an active day."""
        return set(map(AnalyticsInterval.WEEK.start_of, self._active_days()))

    def _active_days(self) -> Iterator[dt.date]:
        for ago in range(self.days.bit_length()):
            if self.last_active_on and self.days >> ago & 1:
                yield self.last_active_on - dt.timedelta(days=ago)

    def _bits(self, first: dt.date, last: dt.date) -> int:
        """Return the bits of a range of days, if they are within `DAYS`."""
        if self.last_active_on is None:
            return 0
        newest = max((self.last_active_on - last).days, 0)
        oldest = min((self.last_active_on - first).days, DAYS - 1)
        return (1 << oldest + 1) - (1 << newest) if oldest >= newest else 0
