"""Filters of the admin's list of people."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RadioFilter

from users.accounts.filters import USER_FILTERS
from users.admin.filters import RelatedFilter, filter_unindexed


class GroupFilter(RelatedFilter):
    """Those who are in a group, asked for as the API does: each person is found once."""

    def condition(self, chosen: dict[str, Any]) -> Q:
        """Look at the memberships of one person after the other, or at all of the group."""
        ids = [int(id_) for some in chosen.values() for id_ in some]
        return USER_FILTERS["group"](ids[-1]) if ids else Q()


class UndeliverableFilter(RadioFilter):  # type: ignore[misc]
    """Those whose primary address refuses mail for good."""

    title = _("e-mail")
    parameter_name = "email"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the state that needs a look."""
        return [("undeliverable", _("Undeliverable"))]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Ask by an index of its own."""
        is_chosen = self.value() == "undeliverable"
        return filter_unindexed(
            queryset, Q(email_undeliverable_at__isnull=False) if is_chosen else Q()
        )
