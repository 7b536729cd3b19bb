"""The range of days that the dashboard shows."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final, Self

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from core.rfc3339 import parse_day

PRESETS: Final = (7, 30, 90, 365)
DEFAULT: Final = 30
MAX_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class DateRange:
    """A range of days in UTC, both inclusive."""

    first: dt.date
    last: dt.date
    # What was wrong with the request, for the user.
    problem: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Return the requested range, or the last 30 days.

        Parameters are ``days``, one of `PRESETS`, or ``from`` and ``to``.
        """
        given, today = request.GET, timezone.now().date()
        if "from" in given or "to" in given:
            first, last = _date(given.get("from", "")), _date(given.get("to", ""))
            if first and last and 0 <= (last - first).days < MAX_DAYS:
                return cls(first, last)
            problem = gettext("Choose a first and a last day, at most %(max)d days apart.")
            return cls.until(today, DEFAULT, problem=problem % {"max": MAX_DAYS - 1})
        chosen = {str(days): days for days in PRESETS}.get(given.get("days", ""), DEFAULT)
        return cls.until(today, chosen)

    @classmethod
    def until(cls, last: dt.date, days: int, *, problem: str = "") -> Self:
        """Return the range of so many days."""
        return cls(last - dt.timedelta(days=days - 1), last, problem)

    @property
    def number_of_days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "DateRange | None":
        """The range of as many days before; None before the calendar."""
        if self.first.toordinal() <= self.number_of_days:
            return None
        return DateRange.until(self.first - dt.timedelta(days=1), self.number_of_days)

    def choices(self) -> list[dict[str, Any]]:
        """Return the presets, for links."""
        is_recent = self.last == timezone.now().date()
        return [
            {
                "days": days,
                "label": gettext("%(days)d days") % {"days": days},
                "is_current": is_recent and days == self.number_of_days,
            }
            for days in PRESETS
        ]


def _date(text: str) -> dt.date | None:
    try:
        return parse_day(text)
    except ValueError:
        return None
