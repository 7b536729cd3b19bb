"""Sessions, to look at, and suspensions."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from core.admin import DayFilter, MenuItem, Section, actor_of, gone_on
from core.admin_filters import RelatedFilter
from core.admin_forms import ServiceForm
from core.errors import InputRejectedError
from users.accounts.admin import PersonalAdmin
from users.accounts.policy import may_administer
from users.authentication.admin_api_tokens import ApiTokenAdmin, ServiceAccountAdmin
from users.authentication.admin_outbox import OutboxAdmin
from users.authentication.admin_people import PersonAdmin
from users.authentication.models import Session, Suspension
from users.authentication.policy import may_read_impersonations
from users.authentication.services.ending import revoke_session
from users.authentication.services.suspension import (
    change_suspension,
    reactivate_user,
    suspend_user,
)

__all__ = [
    "ApiTokenAdmin",
    "OutboxAdmin",
    "PersonAdmin",
    "ServiceAccountAdmin",
    "SessionAdmin",
    "SuspensionAdmin",
]


@admin.register(Session)
class SessionAdmin(PersonalAdmin):
    """Who is signed in, and with what."""

    menu = MenuItem(Section.ACTIVITY, 1, "devices")
    field_rules: ClassVar = {
        "impersonator": may_read_impersonations,
        "impersonation_reason": may_read_impersonations,
    }
    list_display = ("user", "user_agent", "ip", "last_seen_at", "created_at", "expires_at")
    list_filter = (("user", RelatedFilter), ("expires_at", DayFilter))
    ordering = ("-id",)
    sortable_by = ("expires_at",)
    fields = (
        "user",
        ("user_agent", "ip"),
        ("created_at", "last_seen_at"),
        ("expires_at", "methods"),
        ("aal", "authenticated_at"),
        "factor_at",
        ("impersonator", "impersonation_reason"),
    )
    actions_detail = ("end",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        """Leave the digests where they are."""
        return super().get_queryset(request).defer("cookie_digest")

    def has_end_permission(self, request: HttpRequest, _object_id: str) -> bool:
        """Offer it to administrators."""
        return may_administer(actor_of(request))

    @action(  # type: ignore[untyped-decorator]
        description=_("End"),
        url_path="end",
        icon="logout",
        permissions=["end"],
        dialog={
            "title": _("End the session?"),
            "description": _("Whoever uses it is signed out at once."),
            "form_submit_text": _("End"),
        },
    )
    def end(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """End the session, once the dialog was confirmed by POST."""
        try:
            revoke_session(UUID(object_id), actor=actor_of(request))
        except (ValueError, InputRejectedError):
            raise Http404 from None
        messages.success(request, _("The session has ended."))
        return gone_on(request, reverse("admin:authentication_session_changelist"))


class SuspensionForm(ServiceForm):
    """What `suspend_user` takes."""

    class Meta:
        """The fields are those of the admin's `fieldsets`."""

        widgets: ClassVar = {"reason": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        help_texts: ClassVar = {"until": _("In UTC. Without it, until somebody lifts it.")}


@admin.register(Suspension)
class SuspensionAdmin(PersonalAdmin):
    """Whom the service shut out; administrators do and undo it."""

    menu = MenuItem(Section.PEOPLE, 5, "block")
    may_add = staticmethod(may_administer)
    may_change = staticmethod(may_administer)
    form = SuspensionForm
    list_display = ("user", "reason", "until", "created_at")
    list_filter = (("user", RelatedFilter), ("until", DayFilter))
    ordering = ("user__username",)
    sortable_by = ("user", "until")
    autocomplete_fields = ("user",)
    actions_detail = ("lift",)
    fieldsets = ((None, {"fields": ("user", "reason", "until")}),)

    def get_readonly_fields(
        self, _request: HttpRequest, obj: Suspension | None = None
    ) -> tuple[str, ...]:
        """Let the person be chosen once."""
        return ("user",) if obj else ()

    def save_model(
        self,
        request: HttpRequest,
        obj: Suspension,
        form: ServiceForm,
        change: bool,  # noqa: FBT001 - Django's hook
    ) -> None:
        """Suspend the person, or change why and until when."""
        actor, values = actor_of(request), form.changes
        if change:
            change_suspension(obj.user_id, actor=actor, **values)
            return
        obj.user = values["user"]
        suspend_user(obj.user_id, actor=actor, reason=values["reason"], until=values["until"])

    @action(  # type: ignore[untyped-decorator]
        description=_("Lift"),
        url_path="lift",
        icon="lock_open",
        permissions=["change"],
        dialog={
            "title": _("Lift the suspension?"),
            "description": _("The person can sign in again at once."),
            "form_submit_text": _("Lift"),
        },
    )
    def lift(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Reactivate the person, once the dialog was confirmed by POST."""
        try:
            user = reactivate_user(UUID(object_id), actor=actor_of(request))
        except (ValueError, InputRejectedError):
            raise Http404 from None
        messages.success(request, _("%(person)s can sign in again.") % {"person": user.username})
        return gone_on(request, reverse("admin:authentication_suspension_changelist"))
