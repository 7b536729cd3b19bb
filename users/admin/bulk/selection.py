"""Converts the search and filters of the list of users into a bulk selection."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from unfold.utils import parse_date_str

from users.accounts.filters import Period, UserFilterSpec
from users.admin.user_related import find_user_id
from users.jobs.selection import Selection

SEARCH: Final = "q"
SINCE, UNTIL = "date_joined_from", "date_joined_to"
# The ids of selected rows, separated by commas.
SELECTED: Final = "ids"
# As many as a page of the list has, within the length of a URL.
MAX_SELECTED: Final = 50


def _selected(value: str) -> list[str]:
    """Return the ids of selected rows. Raises `ValueError`."""
    keys = [str(UUID(key)) for key in value.split(",")]
    if len(keys) > MAX_SELECTED:
        raise ValueError(value)
    return keys


# Maps each query parameter to its filter condition and the parser of its value.
CONDITIONS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "is_active__exact": ("is_active", lambda value: bool(int(value))),
    "is_staff__exact": ("is_staff", lambda value: bool(int(value))),
    "is_superuser__exact": ("is_superuser", lambda value: bool(int(value))),
    "groups__id__exact": ("group", int),
    SELECTED: ("ids", _selected),
}
# Parameters of order and pagination, which do not affect the selection.
PLACE: Final = frozenset({"o", "p", "all", "e"})


def selection_of(parameters: QueryDict) -> Selection | None:
    """Return the selection that matches the rows of the list on all its pages.

    Return None if no selection matches: the search term is a whole id or address, or a parameter
    is unknown, repeated or invalid.
    """
    nonempty = {name: values for name, values in parameters.lists() if any(values)}
    if any(len(values) > 1 for values in nonempty.values()):
        return None
    values = {name: value for name, (value,) in nonempty.items() if name not in PLACE}
    search = values.pop(SEARCH, "").strip()
    if find_user_id(search):
        return None
    conditions: dict[str, Any] = {}
    try:
        joined = Period(
            since=_midnight(values.pop(SINCE, None)), before=_midnight(values.pop(UNTIL, None), 1)
        )
        for name, value in values.items():
            condition, parse = CONDITIONS[name]
            conditions[condition] = parse(value)
    except (KeyError, ValueError, OverflowError):
        return None
    if not joined.is_open:
        conditions["joined"] = joined
    return Selection(UserFilterSpec(conditions), search or None)


def _midnight(text: str | None, days: int = 0) -> dt.datetime | None:
    """Return the start of a day, plus ``days``. Raises `ValueError`."""
    if not text:
        return None
    day = parse_date_str(text)
    if day is None:
        raise ValueError(text)
    return timezone.make_aware(dt.datetime.combine(day + dt.timedelta(days=days), dt.time.min))
