"""The page of outbox messages that are due, failing or failed, for administrators."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RadioFilter

from core.outbox.models import OutboxMessage
from users.accounts.policy import may_administer
from users.accounts.services.outbox import retry_message
from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action
from users.admin.base import MenuItem, RosterAdmin, Section, actor_of, is_administrator


class StateFilter(RadioFilter):  # type: ignore[misc]
    """Filters by delivery state: due, failing or failed."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        """Return the states that may need attention."""
        return [("due", _("Due")), ("failing", _("Failing")), ("failed", _("Failed"))]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Filter by the conditions that the relay uses."""
        states = {"due": queryset.due, "failing": queryset.failing, "failed": queryset.failed}
        return states.get(self.value(), queryset.all)()


@admin.register(OutboxMessage)
class OutboxMessageAdmin(RosterAdmin):
    """Messages that are not yet delivered."""

    menu = MenuItem(Section.OPERATION, 1, "outbox")
    may_view = staticmethod(is_administrator)
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
    actions_detail = ("retry",)

    def has_retry_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it for failed messages."""
        message = self.get_object(request, object_id)
        return (
            may_administer(actor_of(request))
            and message is not None
            and message.failed_at is not None
        )

    @dialog_action(
        label=_("Retry"),
        icon="replay",
        permission="retry",
        title=_("Retry the delivery?"),
        text=_("A mail is sent only if it is still needed."),
    )
    def retry(self, dialog: ConfirmedDialog) -> ActionResult:
        """Schedule the message for delivery."""
        retry_message(dialog.key, actor=dialog.actor)
        return ActionResult(self.list_url, _("The message is being delivered again."))
