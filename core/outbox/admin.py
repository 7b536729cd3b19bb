"""The outbox, for the operator: what waits, what keeps failing, and what failed for good."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RadioFilter

from core.admin import MenuItem, RosterAdmin, Section, administrators
from core.outbox.models import OutboxMessage


class StateFilter(RadioFilter):  # type: ignore[misc]
    """Overdue, failing or failed."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the states that need a look."""
        return [("due", _("Due")), ("failing", _("Failing")), ("failed", _("Failed"))]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Ask what the relay asks."""
        states = {"due": queryset.due, "failing": queryset.failing, "failed": queryset.failed}
        return states.get(self.value(), queryset.all)()


@admin.register(OutboxMessage)
class OutboxMessageAdmin(RosterAdmin):
    """Work that is not done yet; for administrators, to look at."""

    menu = MenuItem(Section.OPERATION, 1, "outbox")
    may_view = staticmethod(administrators)
    list_display = ("subscriber", "attempts", "dispatch_at", "failed_at", "failure", "created_at")
    list_filter = (StateFilter,)
    search_fields = ("subscriber__contains",)
    search_help_text = _("Part of the subscriber's name")
    ordering = ("dispatch_at", "id")
    sortable_by = ("dispatch_at",)
    fields = (
        "subscriber",
        "payload",
        ("attempts", "created_at"),
        ("dispatch_at", "claimed_until"),
        ("failed_at", "failure"),
    )
