"""The theme's list filters, with conditions that are executed as in the API's lists."""

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

from core.database.ids import first_id_at, last_id_at
from engine.sql.unindexed_filter import UnindexedFilter

M = TypeVar("M", bound=Model)


def filter_unindexed(rows: QuerySet[M], condition: Q) -> QuerySet[M]:
    """Return the rows that match a condition not served by the ordering index."""
    return rows.filter(UnindexedFilter(condition)) if condition else rows


class _UnindexedFieldFilter(FieldListFilter):
    """Compares a column with the chosen values, if there are any."""

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter the list; raise `IncorrectLookupParameters` for values of the wrong type."""
        chosen = {
            lookup: values for lookup, values in self.used_parameters.items() if values != [""]
        }
        try:
            return filter_unindexed(queryset, self.condition(chosen))
        except (ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error

    def condition(self, chosen: dict[str, Any]) -> Q:
        """Return the condition for lookups and their values; empty if there are none."""
        return build_q_object_from_lookup_parameters(chosen)


class BooleanFilter(_UnindexedFieldFilter, theme.BooleanRadioFilter):  # type: ignore[misc]
    """Filters by a boolean column."""


class ChoicesFilter(_UnindexedFieldFilter, theme.ChoicesDropdownFilter):  # type: ignore[misc]
    """Filters by one of a column's choices."""


class RelatedFilter(_UnindexedFieldFilter, theme.AutocompleteSelectFilter):  # type: ignore[misc]
    """Filters by a related row, chosen by autocomplete."""


class DayFilter(theme.RangeDateFilter):  # type: ignore[misc]
    """Filters by a range of days, both inclusive, in the current time zone.

    The theme's filter compares with naive midnights, which excludes the last day.
    """

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Compare the column itself: an expression on it could not use its index."""
        bounds = {
            f"{self.field_path}__gte": self.moment("from", dt.time.min),
            f"{self.field_path}__lte": self.moment("to", dt.time.max),
        }
        return filter_unindexed(
            queryset, Q(**{name: bound for name, bound in bounds.items() if bound})
        )

    def moment(self, end: str, time: dt.time) -> dt.datetime | None:
        """Return the chosen day ``from`` or ``to``, at this time; None if there is none."""
        day = parse_date_str(self.used_parameters.get(f"{self.parameter_name}_{end}") or "")
        return timezone.make_aware(dt.datetime.combine(day, time)) if day else None


class CreationDayFilter(DayFilter):
    """Filters by a range of days of creation, by the primary key: ids are UUIDv7."""

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Compare ids, in the order of the list."""
        first, last = self.moment("from", dt.time.min), self.moment("to", dt.time.max)
        if first is not None:
            queryset = queryset.filter(pk__gte=first_id_at(first))
        return queryset if last is None else queryset.filter(pk__lte=last_id_at(last))
