"""From the list of people in the admin, searched and filtered, to a selection."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import QueryDict
from django.utils import timezone
from unfold.utils import parse_date_str

from users.accounts.filters import Period, UserFilterSpec
from users.admin.people.accounts import find_user_id
from users.bulk.selection import Selection

SEARCH: Final = "q"
SINCE, UNTIL = "date_joined_from", "date_joined_to"
# By the list's parameter: the condition, and how its value is read.
CONDITIONS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "is_active__exact": ("is_active", lambda value: bool(int(value))),
    "is_staff__exact": ("is_staff", lambda value: bool(int(value))),
    "is_superuser__exact": ("is_superuser", lambda value: bool(int(value))),
    "groups__id__exact": ("group", int),
}
# Where one is in the list, and in which order.
PLACE: Final = frozenset({"o", "p", "all", "e"})


def selection_of(parameters: QueryDict) -> Selection | None:
    """Return what the list shows, on all its pages, as the directory selects it.

    It is None if that cannot be said: of a whole id or address, or of parameters that the list
    does not know.
    """
    given = {name: values for name, values in parameters.lists() if any(values)}
    if any(len(values) > 1 for values in given.values()):
        return None
    values = {name: value for name, (value,) in given.items() if name not in PLACE}
    search = values.pop(SEARCH, "").strip()
    if find_user_id(search):
        return None
    conditions: dict[str, Any] = {}
    try:
        joined = Period(
            since=_midnight(values.pop(SINCE, None)), before=_midnight(values.pop(UNTIL, None), 1)
        )
        for name, value in values.items():
            condition, read = CONDITIONS[name]
            conditions[condition] = read(value)
    except (KeyError, ValueError, OverflowError):
        return None
    if not joined.is_open:
        conditions["joined"] = joined
    return Selection(UserFilterSpec(conditions), search or None)


def _midnight(text: str | None, days: int = 0) -> dt.datetime | None:
    """Return when the day begins, or one so many days later. Raises `ValueError` for no day."""
    if not text:
        return None
    day = parse_date_str(text)
    if day is None:
        raise ValueError(text)
    return timezone.make_aware(dt.datetime.combine(day + dt.timedelta(days=days), dt.time.min))
