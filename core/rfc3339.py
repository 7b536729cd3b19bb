"""Dates and times as text (RFC 3339).

Python's `fromisoformat` also reads weeks, missing parts and other forms of ISO 8601.
"""

import datetime as dt
import re
from typing import Final

DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
FULL_DATE: Final = re.compile(DAY)
# A space instead of the T, and small letters, are allowed (section 5.6).
DATE_TIME: Final = re.compile(
    rf"{DAY}[Tt ](?:[01][0-9]|2[0-3]):[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


def parse_day(text: str) -> dt.date:
    """Return a calendar date. Raises `ValueError`."""
    if not FULL_DATE.fullmatch(text):
        raise ValueError("not a date of RFC 3339")
    return dt.date.fromisoformat(text)


def parse_moment(text: str) -> dt.datetime:
    """Return a date and time with its offset, to microseconds. Raises `ValueError`."""
    if not DATE_TIME.fullmatch(text):
        raise ValueError("not a date and time of RFC 3339")
    return dt.datetime.fromisoformat(text.upper())
