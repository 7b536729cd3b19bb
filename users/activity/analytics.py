"""The intervals and dimensions of analytics, in UTC."""

import datetime as dt
from calendar import monthrange
from typing import Final

from core.enums import DescribedEnum

# The segment of what has no other one, and of all segments that are not named.
OTHERS: Final = ""
# For how long after a week the activity of its cohort is counted.
RETENTION: Final = dt.timedelta(weeks=52)


class AnalyticsInterval(DescribedEnum):
    """A length of the intervals that are counted."""

    DAY = "day", "A day."
    WEEK = "week", "A week, from Monday to Sunday (ISO 8601)."
    MONTH = "month", "A month of the calendar."

    def start_of(self, day: dt.date) -> dt.date:
        """Return the first day of the interval that contains ``day``."""
        if self is AnalyticsInterval.WEEK:
            return day - dt.timedelta(days=day.weekday())
        return day.replace(day=1) if self is AnalyticsInterval.MONTH else day

    def end_of(self, day: dt.date) -> dt.date:
        """Return the last day of the interval that contains ``day``."""
        start = self.start_of(day)
        if self is AnalyticsInterval.WEEK:
            # The last week of the calendar is cut.
            return dt.date.fromordinal(min(start.toordinal() + 6, dt.date.max.toordinal()))
        if self is AnalyticsInterval.MONTH:
            return start.replace(day=monthrange(start.year, start.month)[1])
        return start

    def number_between(self, first: dt.date, last: dt.date) -> int:
        """Return how many intervals there are from ``first`` to ``last``, both inclusive.

        Zero or less if ``last`` is in an earlier interval than ``first``.
        """
        if self is AnalyticsInterval.MONTH:
            return 12 * (last.year - first.year) + last.month - first.month + 1
        days = (self.start_of(last) - self.start_of(first)).days
        return days // (7 if self is AnalyticsInterval.WEEK else 1) + 1

    def starts(self, first: dt.date, last: dt.date) -> list[dt.date]:
        """Return the first days of all intervals from ``first`` to ``last``, both inclusive."""
        starts, start = [], self.start_of(first)
        for _interval in range(self.number_between(first, last)):
            starts.append(start)
            if (end := self.end_of(start)) < dt.date.max:
                start = end + dt.timedelta(days=1)
        return starts


class AnalyticsDimension(DescribedEnum):
    """A property of users by which they are counted."""

    DOMAIN = "domain", "The domain of the primary e-mail address."
    LOCALE = "locale", "The language that the user chose."
    CLIENT = "client", "The browser, by its `User-Agent`."
