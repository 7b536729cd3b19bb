"""The page of bulk actions. They are started from the list of users."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action
from users.admin.base import (
    MenuItem,
    ReadOnlyInline,
    RosterAdmin,
    Section,
    actor_of,
    is_administrator,
)
from users.admin.filters import ChoicesFilter, DayFilter, RelatedFilter
from users.bulk.models import BulkAction, BulkFailure
from users.bulk.policy import may_act_in_bulk
from users.bulk.services.cancel import cancel_bulk_action
from users.bulk.states import BulkActionState


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
class BulkActionAdmin(RosterAdmin):
    """Bulk actions and their progress, for administrators."""

    menu = MenuItem(Section.PEOPLE, 8, "group_work")
    may_view = staticmethod(is_administrator)
    list_display = ("kind", "shown_state", "progress", "requester", "created_at")
    list_select_related = ("requester",)
    list_filter = (
        ("state", ChoicesFilter),
        ("requester", RelatedFilter),
        ("created_at", DayFilter),
    )
    ordering = ("-id",)
    sortable_by = ()
    actions_detail = ("cancel",)
    inlines = (BulkFailureInline,)
    fields = (
        ("kind", "state"),
        ("requester", "arguments"),
        "shown_selection",
        ("total", "progress"),
        ("done", "unchanged", "failed"),
        ("created_at", "started_at", "finished_at"),
    )
    readonly_fields = ("progress", "shown_selection")

    def has_cancel_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators while the action is running."""
        if not may_act_in_bulk(actor_of(request)):
            return False
        bulk_action = self.get_object(request, object_id)
        return bulk_action is not None and bulk_action.is_live

    @display(  # type: ignore[untyped-decorator]
        description=_("state"),
        label={
            BulkActionState.RUNNING: "info",
            BulkActionState.COMPLETED: "success",
            BulkActionState.CANCELED: "warning",
            BulkActionState.STOPPED: "danger",
            BulkActionState.FAILED: "danger",
        },
    )
    def shown_state(self, bulk_action: BulkAction) -> Any:
        """Show the state as a coloured label."""
        return bulk_action.state, bulk_action.get_state_display()

    @admin.display(description=_("progress"))
    def progress(self, bulk_action: BulkAction) -> str:
        """Show the number of processed users and the total."""
        processed = bulk_action.done + bulk_action.unchanged + bulk_action.failed
        numbers = (
            number_format(each, force_grouping=True) for each in (processed, bulk_action.total)
        )
        return " / ".join(numbers)

    @admin.display(description=_("selection"))
    def shown_selection(self, bulk_action: BulkAction) -> str:
        """Show the search and the filters of the selection."""
        if bulk_action.selection is None:
            return gettext("Removed: the selection named a person whose data has been erased.")
        search, conditions = bulk_action.selection["search"], bulk_action.selection["filter"]
        shown = [f"“{search}”"] if search else []
        return ", ".join([*shown, json.dumps(conditions, ensure_ascii=False)])

    @dialog_action(
        label=_("Cancel"),
        icon="cancel",
        permission="cancel",
        title=_("End this bulk action early?"),
        text=_("Changes to people already processed are kept. The others are skipped."),
        confirm=_("End the action"),
    )
    def cancel(self, dialog: ConfirmedDialog) -> ActionResult:
        """Cancel the action."""
        bulk_action = cancel_bulk_action(dialog.key, actor=dialog.actor)
        return ActionResult(
            self.page_url(bulk_action.pk), _("The action ends after the current person.")
        )
