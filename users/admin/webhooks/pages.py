"""The pages of webhooks and their deliveries, for administrators."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from users.admin.actions import (
    ActionResult,
    ConfirmedDialog,
    dialog_action,
    page_action,
    show_in_dialog,
)
from users.admin.base import MenuItem, RosterAdmin, Section, actor_of, is_administrator
from users.admin.filters import ChoicesFilter, CreationDayFilter, RelatedFilter
from users.admin.webhooks.forms import RotationForm, WebhookForm
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.policy import may_change_webhook, may_create_webhooks
from users.webhooks.services.deliveries import redeliver_webhook, send_test_webhook
from users.webhooks.services.webhooks import (
    NewSecret,
    create_webhook,
    delete_webhook,
    rotate_webhook_secret,
    update_webhook,
)
from users.webhooks.states import WebhookDeliveryState


class ManagedAdmin(RosterAdmin):
    """Rows that administrators manage, newest first."""

    may_view = staticmethod(is_administrator)
    ordering = ("-id",)
    sortable_by = ()

    def has_manage_permission(self, request: HttpRequest, _object_id: str | None = None) -> bool:
        """Offer it to administrators."""
        return may_create_webhooks(actor_of(request), None)


@admin.register(Webhook)
class WebhookAdmin(ManagedAdmin):
    """Webhooks of the service, which administrators create, and of organisations."""

    menu = MenuItem(Section.OPERATION, 2, "webhook")
    empty_title = _("No webhook receives events.")
    empty_text = _("Create one to have events sent to another system.")
    list_display = ("host", "organization", "owner", "is_on", "failing_since", "created_at")
    list_select_related = ("organization", "owner")
    list_filter = (("organization", RelatedFilter), ("disabled_reason", ChoicesFilter))
    search_fields = ("url__contains",)
    search_help_text = _("Any part of the URL")
    fields = (
        "url",
        ("organization", "owner"),
        "tag_names",
        "selection",
        ("disabled_at", "disabled_reason"),
        ("failing_since", "resume_at"),
        ("created_at", "previous_secret_expires_at"),
    )
    readonly_fields = ("tag_names",)
    actions_list = ("create",)
    actions_detail = (
        *("deliveries", "send_test"),
        {
            "title": _("Administer"),
            "icon": "admin_panel_settings",
            "items": ["enable", "disable", "edit", "rotate_secret", "remove"],
        },
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        """Defer the secrets, which are shown once."""
        webhooks: QuerySet[Webhook] = super().get_queryset(request)
        return webhooks.defer("secret", "previous_secret")

    def has_enable_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it for disabled webhooks."""
        return self._is_enabled(request, object_id) is False

    def has_disable_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it for enabled webhooks."""
        return self._is_enabled(request, object_id) is True

    def has_edit_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to the owner."""
        webhook = self.get_object(request, object_id)
        return webhook is not None and may_change_webhook(actor_of(request), webhook.owner_id)

    def _is_enabled(self, request: HttpRequest, object_id: str) -> bool | None:
        webhook: Webhook | None = self.get_object(request, object_id)
        is_manager = self.has_manage_permission(request, object_id)
        return webhook.is_enabled if webhook and is_manager else None

    @admin.display(description=_("URL"))
    def host(self, webhook: Webhook) -> str:
        """Show the beginning of the URL."""
        return shown_url(webhook)

    @display(description=_("enabled"), boolean=True)  # type: ignore[untyped-decorator]
    def is_on(self, webhook: Webhook) -> bool:
        """Show whether it receives events."""
        return webhook.is_enabled

    @admin.display(description=_("events"))
    def tag_names(self, webhook: Webhook) -> str:
        """Show the kinds of events."""
        return ", ".join(webhook.tags)

    @dialog_action(
        label=_("Create a webhook"),
        icon="add",
        permission="manage",
        title=_("Create a webhook"),
        text=_("It receives the chosen events of the whole service, with what you may see."),
        form_class=WebhookForm,
    )
    def create(self, dialog: ConfirmedDialog) -> HttpResponse:
        """Create a webhook and show its secret once, in the dialog."""
        return self._show_secret(dialog, create_webhook(None, actor=dialog.actor, **dialog.values))

    @dialog_action(
        label=_("Edit"),
        icon="edit",
        permission="edit",
        title=_("Edit the webhook"),
        text=_("Deliveries that are waiting are sent to the new URL."),
        confirm=_("Save"),
        form_class=WebhookForm,
    )
    def edit(self, dialog: ConfirmedDialog) -> ActionResult:
        """Change the webhook."""
        update_webhook(dialog.key, actor=dialog.actor, **dialog.values)
        return ActionResult(self.page_url(dialog.key), _("The webhook was changed."))

    @dialog_action(
        label=_("Rotate the secret"),
        icon="key",
        permission="edit",
        title=_("Rotate the secret?"),
        text=_("Until the end of the overlap, the previous secret signs as well."),
        form_class=RotationForm,
    )
    def rotate_secret(self, dialog: ConfirmedDialog) -> HttpResponse:
        """Replace the secret and show the new one once, in the dialog."""
        overlap = timedelta(minutes=dialog.values["minutes"])
        new = rotate_webhook_secret(dialog.key, actor=dialog.actor, overlap=overlap)
        return self._show_secret(dialog, new)

    @dialog_action(
        label=_("Enable"),
        icon="play_arrow",
        permission="enable",
        title=_("Enable the webhook?"),
        text=_("It receives later events only."),
    )
    def enable(self, dialog: ConfirmedDialog) -> ActionResult:
        """Enable the webhook."""
        update_webhook(dialog.key, actor=dialog.actor, is_enabled=True)
        return ActionResult(self.page_url(dialog.key), _("The webhook was enabled."))

    @dialog_action(
        label=_("Disable"),
        icon="pause",
        permission="disable",
        title=_("Disable the webhook?"),
        text=_("Deliveries that are waiting end as failed."),
    )
    def disable(self, dialog: ConfirmedDialog) -> ActionResult:
        """Disable the webhook."""
        update_webhook(dialog.key, actor=dialog.actor, is_enabled=False)
        return ActionResult(self.page_url(dialog.key), _("The webhook was disabled."))

    @dialog_action(
        label=_("Send a test"),
        icon="send",
        permission="disable",
        title=_("Send a test?"),
        text=_("The event of the test is sent, whatever events the webhook has chosen."),
    )
    def send_test(self, dialog: ConfirmedDialog) -> ActionResult:
        """Send a test, and show its delivery."""
        delivery = send_test_webhook(dialog.key, actor=dialog.actor)
        return ActionResult(delivery_url(delivery), _("The test is being sent. Reload this page."))

    @dialog_action(
        label=_("Delete"),
        icon="delete",
        permission="manage",
        title=_("Delete the webhook?"),
        text=_("The log of its deliveries is deleted, too."),
    )
    def remove(self, dialog: ConfirmedDialog) -> ActionResult:
        """Delete the webhook."""
        delete_webhook(dialog.key, actor=dialog.actor)
        return ActionResult(self.list_url, _("The webhook was deleted."))

    @page_action(label=_("Deliveries"), icon="list")
    def deliveries(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the list of the webhook's deliveries."""
        query = {"webhook__id__exact": object_id}
        url = reverse("admin:webhooks_webhookdelivery_changelist", query=query)
        return HttpResponseRedirect(url)

    def _show_secret(self, dialog: ConfirmedDialog, new: NewSecret) -> HttpResponse:
        back = self.page_url(new.webhook.pk)
        context = {"secret": new.secret, "back": back}
        return show_in_dialog(dialog.request, "admin/webhook_secret.html", context)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ManagedAdmin):
    """The log of deliveries, which administrators repeat."""

    menu = MenuItem(Section.OPERATION, 3, "send")
    empty_title = _("No events were sent lately.")
    empty_text = _("Deliveries are listed once a webhook receives events.")
    list_display = ("tag", "receiver", "shown_state", "error", "attempts", "created_at")
    list_select_related = ("event", "webhook")
    list_filter = (
        ("webhook", RelatedFilter),
        ("state", ChoicesFilter),
        ("created_at", CreationDayFilter),
    )
    fields = (
        "receiver",
        ("webhook", "event"),
        ("state", "attempts"),
        ("error", "status_code"),
        ("duration_ms", "created_at"),
        ("attempted_at", "next_attempt_at"),
    )
    readonly_fields = ("receiver",)
    actions_detail = ("redeliver",)

    @admin.display(description=_("event"))
    def tag(self, delivery: WebhookDelivery) -> str:
        """Show the kind of the event."""
        return delivery.event.tag

    @admin.display(description=_("URL"))
    def receiver(self, delivery: WebhookDelivery) -> str:
        """Show the beginning of the webhook's URL."""
        return shown_url(delivery.webhook)

    @display(  # type: ignore[untyped-decorator]
        description=_("state"),
        label={
            WebhookDeliveryState.PENDING: "info",
            WebhookDeliveryState.SUCCEEDED: "success",
            WebhookDeliveryState.FAILED: "danger",
        },
    )
    def shown_state(self, delivery: WebhookDelivery) -> Any:
        """Show the state as a coloured label."""
        return delivery.state, delivery.get_state_display()

    @dialog_action(
        label=_("Send again"),
        icon="replay",
        permission="manage",
        title=_("Send the event again?"),
        text=_("Receivers recognise the repetition by its id."),
    )
    def redeliver(self, dialog: ConfirmedDialog) -> ActionResult:
        """Send the event again."""
        redeliver_webhook(dialog.key, actor=dialog.actor)
        return ActionResult(self.page_url(dialog.key), _("The event is being sent again."))


def shown_url(webhook: Webhook) -> str:
    """Return a webhook's URL without its query, which may be secret."""
    return webhook.url.partition("?")[0]


def delivery_url(delivery: WebhookDelivery) -> str:
    """Return the URL of a delivery's page."""
    return reverse("admin:webhooks_webhookdelivery_change", args=[delivery.pk])
