"""The outbox, for administrators: messages that wait, that keep failing, and that failed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RadioFilter

from core.outbox.models import OutboxMessage
from users.accounts.policy import may_administer
from users.accounts.services.outbox import retry_message
from users.admin.actions import Confirmed, Done, dialog_action
from users.admin.base import MenuItem, RosterAdmin, Section, actor_of, is_administrator


class StateFilter(RadioFilter):  # type: ignore[misc]
    """Due, failing or failed."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the states that may need attention."""
        return [("due", _("Due")), ("failing", _("Failing")), ("failed", _("Failed"))]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Filter by the conditions of the relay."""
        states = {"due": queryset.due, "failing": queryset.failing, "failed": queryset.failed}
        return states.get(self.value(), queryset.all)()


@admin.register(OutboxMessage)
class OutboxMessageAdmin(RosterAdmin):
    """Messages that are not delivered yet."""

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
        label=_("Try again"),
        icon="replay",
        permission="retry",
        title=_("Try again?"),
        text=_("A mail is sent again, if it is still of use."),
    )
    def retry(self, run_confirmed: Confirmed) -> Done:
        """Have the message delivered again."""
        retry_message(run_confirmed.key, actor=run_confirmed.actor)
        return Done(self.list_url, _("It is tried again now."))
