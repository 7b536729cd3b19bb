"""The page of outbox messages that are due, failing or failed, for administrators."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RadioFilter

from core.errors import InputRejectedError
from core.outbox.models import STATES, OutboxMessage
from core.outbox.queues import Queue
from users.accounts.policy import may_administer
from users.accounts.services.outbox import MAX_MESSAGES, drop_messages, retry_messages
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
        """Filter by the conditions that the metrics use."""
        state = self.value()
        return queryset.in_state(state) if state in STATES else queryset


class QueueFilter(RadioFilter):  # type: ignore[misc]
    """Filters by queue."""

    title = _("queue")
    parameter_name = "queue"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        """Return the queues by their names, as configuration and metrics have them."""
        return [(queue.value, queue.value) for queue in Queue]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        """Filter by the queue's name."""
        return queryset.filter(queue=self.value()) if self.value() in set(Queue) else queryset


@admin.register(OutboxMessage)
class OutboxMessageAdmin(RosterAdmin):
    """Messages that are not yet delivered."""

    menu = MenuItem(Section.OPERATION, 1, "outbox")
    empty_title = _("Nothing is waiting, and nothing has failed.")
    empty_text = _(
        "All mails were sent and all other work was started. What cannot be delivered stays here."
    )
    may_view = staticmethod(is_administrator)
    list_display = (
        *("subscriber", "queue", "attempts", "dispatch_at", "failed_at", "failure", "created_at"),
    )
    list_filter = (StateFilter, QueueFilter)
    search_fields = ("subscriber__contains",)
    search_help_text = _("Part of the subscriber's name")
    ordering = ("dispatch_at", "id")
    sortable_by = ("dispatch_at",)
    fields = (
        ("subscriber", "queue"),
        "payload",
        "failure",
        ("attempts", "interruptions"),
        ("created_at", "dispatch_at"),
        ("claimed_until", "retry_at"),
        ("failing_since", "failed_at"),
    )
    actions = ("retry_selected",)
    actions_detail = ("retry", "drop")

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
        retry_messages([dialog.key], actor=dialog.actor)
        return ActionResult(self.list_url, _("The message is being delivered again."))

    @dialog_action(
        label=_("Delete permanently"),
        icon="delete",
        permission="retry",
        title=_("Delete the message?"),
        text=_("It is not delivered, and cannot be restored."),
    )
    def drop(self, dialog: ConfirmedDialog) -> ActionResult:
        """Delete the message."""
        drop_messages([dialog.key], actor=dialog.actor)
        return ActionResult(self.list_url, _("The message was deleted."))

    @admin.action(description=_("Retry"), permissions=["retry_selected"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        """Schedule the failed ones of the selected messages for delivery."""
        ids = list(queryset.values_list("pk", flat=True)[: MAX_MESSAGES + 1])
        try:
            retried = len(retry_messages(ids, actor=actor_of(request)))
        except InputRejectedError as refusal:
            messages.error(request, str(refusal.problems[0].message))
            return
        text = ngettext(
            "%(count)d message is being delivered again.",
            "%(count)d messages are being delivered again.",
            retried,
        )
        messages.success(request, text % {"count": retried})

    def has_retry_selected_permission(self, request: HttpRequest) -> bool:
        """Offer it to administrators."""
        return may_administer(actor_of(request))
