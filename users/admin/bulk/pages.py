"""The page of bulk actions. They are started from the list of users."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from users.admin.base import MenuItem, ReadOnlyInline, Section
from users.admin.jobs import JobAdmin
from users.bulk.models import BulkAction, BulkFailure


class BulkFailureInline(ReadOnlyInline):
    """The users for whom the action failed."""

    model = BulkFailure
    fields = ("user", "code")
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkFailure]:
        """Read the users in the same statement."""
        failures: QuerySet[BulkFailure] = super().get_queryset(request)
        return failures.select_related("user")


@admin.register(BulkAction)
class BulkActionAdmin(JobAdmin):
    """Bulk actions and the users for whom they failed."""

    menu = MenuItem(Section.PEOPLE, 8, "group_work")
    empty_title = _("No bulk actions are kept.")
    empty_text = _("Search or filter the list of people, and press “Start bulk action” there.")
    list_display = ("kind", "selected", "shown_state", "progress", "requester", "created_at")
    inlines = (BulkFailureInline,)
    fields = (
        ("kind", "state"),
        ("requester", "arguments"),
        "shown_selection",
        ("total", "progress"),
        ("done", "unchanged"),
        ("failed", "created_at"),
        ("started_at", "finished_at"),
        "failure",
    )
    readonly_fields = ("progress", "shown_selection")
