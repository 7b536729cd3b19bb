"""The theme's filters, with conditions that a list is sifted by as the API's lists are."""

import datetime as dt
from typing import Any, TypeVar

from django.contrib.admin.filters import FieldListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import build_q_object_from_lookup_parameters
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters import admin as theme
from unfold.utils import parse_date_str

from engine.sql.unindexed_filter import UnindexedFilter

M = TypeVar("M", bound=Model)


def filter_unindexed(rows: QuerySet[M], condition: Q) -> QuerySet[M]:
    """Return the rows that meet a condition, which the order's index need not know."""
    return rows.filter(UnindexedFilter(condition)) if condition else rows


class _UnindexedFieldFilter(FieldListFilter):
    """Compares a column with what was chosen, if anything was."""

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Raise `IncorrectLookupParameters` for what the column cannot hold."""
        chosen = {name: some for name, some in self.used_parameters.items() if some != [""]}
        try:
            return filter_unindexed(queryset, self.condition(chosen))
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error

    def condition(self, chosen: dict[str, Any]) -> Q:
        """Return what the rows have to meet, given lookups and values; nothing, if none is."""
        return build_q_object_from_lookup_parameters(chosen)


class BooleanFilter(_UnindexedFieldFilter, theme.BooleanRadioFilter):  # type: ignore[misc]
    """Yes or no."""


class ChoicesFilter(_UnindexedFieldFilter, theme.ChoicesDropdownFilter):  # type: ignore[misc]
    """One of a column's choices."""


class RelatedFilter(_UnindexedFieldFilter, theme.AutocompleteSelectFilter):  # type: ignore[misc]
    """A row of another table, found by typing."""


class DayFilter(theme.RangeDateFilter):  # type: ignore[misc]
    """A period from the start of one day to the end of another, in the current time zone.

    The theme's filter compares with naive midnights, which excludes the last day.
    """

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Compare the column itself, which has an index."""
        bounds = {
            f"{self.field_path}__gte": self._moment("from", dt.time.min),
            f"{self.field_path}__lte": self._moment("to", dt.time.max),
        }
        return filter_unindexed(
            queryset, Q(**{name: bound for name, bound in bounds.items() if bound})
        )

    def _moment(self, end: str, time: dt.time) -> dt.datetime | None:
        day = parse_date_str(self.used_parameters.get(f"{self.parameter_name}_{end}") or "")
        return timezone.make_aware(dt.datetime.combine(day, time)) if day else None
