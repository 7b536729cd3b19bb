"""The pages of sessions and suspensions."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from users.accounts.policy import may_administer
from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action
from users.admin.api_tokens import ApiTokenAdmin, ServiceAccountAdmin
from users.admin.base import MenuItem, Section, actor_of, exact_time
from users.admin.devices import show_device
from users.admin.filters import DayFilter, RelatedFilter
from users.admin.forms import ServiceForm
from users.admin.user_related import OnePerUserAdmin, UserRelatedAdmin
from users.authentication.models import Session, Suspension
from users.authentication.policy import may_read_impersonations
from users.authentication.services.end_sessions import revoke_session
from users.authentication.services.suspension import (
    change_suspension,
    reactivate_user,
    suspend_user,
)

__all__ = [
    "ApiTokenAdmin",
    "ServiceAccountAdmin",
    "SessionAdmin",
    "SuspensionAdmin",
]


@admin.register(Session)
class SessionAdmin(UserRelatedAdmin):
    """Sessions, which administrators end."""

    menu = MenuItem(Section.ACTIVITY, 1, "devices")
    empty_title = _("No one is signed in.")
    field_rules: ClassVar = {
        "impersonator": may_read_impersonations,
        "impersonation_reason": may_read_impersonations,
    }
    list_display = ("user", "device", "ip", "last_seen_at", "created_at", "expires_at")
    list_filter = (("user", RelatedFilter), ("expires_at", DayFilter))
    ordering = ("-id",)
    sortable_by = ("expires_at",)
    fields = (
        "user",
        ("device", "ip"),
        ("created_at", "last_seen_at"),
        ("expires_at", "methods"),
        ("aal", "authenticated_at"),
        "factor_at",
        ("impersonator", "impersonation_reason"),
    )
    readonly_fields = ("device",)
    actions_detail = ("end",)

    def title_of(self, row: Session) -> str:
        """Return the user and when the session began."""
        return f"{row.user}, {exact_time(row.created_at)}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        """Defer the cookie digests."""
        return super().get_queryset(request).defer("cookie_digest")

    @admin.display(description=_("device"))
    def device(self, session: Session) -> Any:
        """Show the name of the device."""
        return show_device(session.user_agent)

    @dialog_action(
        label=_("End"),
        icon="logout",
        permission="administer",
        title=_("End the session?"),
        text=_("This signs the person out immediately."),
    )
    def end(self, dialog: ConfirmedDialog) -> ActionResult:
        """End the session."""
        revoke_session(dialog.key, actor=dialog.actor)
        return ActionResult(self.list_url, _("The session has ended."))


class SuspensionForm(ServiceForm):
    """The arguments of `suspend_user`."""

    class Meta:
        """The fields are those of the admin's `fieldsets`."""

        widgets: ClassVar = {"reason": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        help_texts: ClassVar = {
            "until": _("In UTC. If empty, the suspension lasts until it is lifted.")
        }


@admin.register(Suspension)
class SuspensionAdmin(OnePerUserAdmin):
    """Suspensions, which administrators create, change and lift."""

    menu = MenuItem(Section.PEOPLE, 5, "block")
    empty_title = _("No one is suspended.")
    may_add = staticmethod(may_administer)
    may_change = staticmethod(may_administer)
    form = SuspensionForm
    add_text = _(
        "The person is signed out everywhere and cannot sign in until the suspension ends."
    )
    list_display = ("user", "reason", "until", "created_at")
    list_filter = (("user", RelatedFilter), ("until", DayFilter))
    # Many have no end, which no index has in this order.
    sortable_by = ("user",)
    actions_detail = ("lift",)
    fieldsets = ((None, {"fields": ("user", "reason", "until")}),)

    def save_model(
        self,
        request: HttpRequest,
        obj: Suspension,
        form: ServiceForm,
        change: bool,  # noqa: FBT001 - Django's hook
    ) -> None:
        """Suspend the user, or change the reason and the end."""
        actor, values = actor_of(request), form.changes
        if change:
            change_suspension(obj.user_id, actor=actor, **values)
            return
        obj.user = values["user"]
        suspend_user(obj.user_id, actor=actor, reason=values["reason"], until=values["until"])

    @dialog_action(
        label=_("Lift"),
        icon="lock_open",
        permission="change",
        title=_("Lift the suspension?"),
        text=_("The person can sign in again immediately."),
    )
    def lift(self, dialog: ConfirmedDialog) -> ActionResult:
        """Lift the suspension."""
        user = reactivate_user(dialog.key, actor=dialog.actor)
        message = _("%(person)s can sign in again.") % {"person": user.username}
        return ActionResult(self.list_url, message)
