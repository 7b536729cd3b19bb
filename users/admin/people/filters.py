"""Filters of the list of users."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RadioFilter

from users.accounts.filters import USER_FILTERS
from users.admin.filters import RelatedFilter, filter_unindexed


class GroupFilter(RelatedFilter):
    """Filters by group with the API's condition, which returns each user once."""

    def condition(self, chosen: dict[str, Any]) -> Q:
        """Return the API's condition for the chosen group."""
        ids = [int(value) for values in chosen.values() for value in values]
        return USER_FILTERS["group"](ids[-1]) if ids else Q()


class UndeliverableFilter(RadioFilter):  # type: ignore[misc]
    """Filters by primary addresses that permanently reject mail."""

    title = _("e-mail")
    parameter_name = "email"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        """Return the one state that needs attention."""
        return [("undeliverable", _("Undeliverable"))]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Filter by the partial index of undeliverable addresses."""
        is_chosen = self.value() == "undeliverable"
        return filter_unindexed(
            queryset, Q(email_undeliverable_at__isnull=False) if is_chosen else Q()
        )
