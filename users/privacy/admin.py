"""Deletions to come: administrators schedule and undo them."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from core.admin import DayFilter, MenuItem, Section, actor_of, gone_on, nobody
from core.admin_filters import RelatedFilter
from core.admin_forms import ServiceForm
from core.errors import InputRejectedError
from users.accounts.admin import PersonalAdmin
from users.accounts.policy import may_administer
from users.privacy.models import AccountDeletion
from users.privacy.services.deletion import cancel_user_deletion, delete_user


@admin.register(AccountDeletion)
class AccountDeletionAdmin(PersonalAdmin):
    """Whose account is to be erased, and when."""

    menu = MenuItem(Section.PEOPLE, 6, "person_remove")
    may_add = staticmethod(may_administer)
    may_change = staticmethod(nobody)
    list_display = ("user", "requested_at", "expires_at")
    list_filter = (("user", RelatedFilter), ("expires_at", DayFilter))
    ordering = ("user__username",)
    sortable_by = ("user", "expires_at")
    autocomplete_fields = ("user",)
    actions_detail = ("undo",)
    add_fieldsets = ((None, {"fields": ("user",)}),)
    fieldsets = ((None, {"fields": ("user", ("requested_at", "expires_at"))}),)

    def get_fieldsets(self, _request: HttpRequest, obj: AccountDeletion | None = None) -> Any:
        """Ask for nothing but the person."""
        return self.fieldsets if obj else self.add_fieldsets

    def has_undo_permission(self, request: HttpRequest, _object_id: str) -> bool:
        """Offer it to administrators."""
        return may_administer(actor_of(request))

    def save_model(
        self, request: HttpRequest, obj: AccountDeletion, form: ServiceForm, *_change: Any
    ) -> None:
        """Shut the account, to be erased later."""
        user = delete_user(form.cleaned_data["user"].pk, actor=actor_of(request))
        obj.user = user

    @action(  # type: ignore[untyped-decorator]
        description=_("Undo"),
        url_path="undo",
        icon="undo",
        permissions=["undo"],
        dialog={
            "title": _("Keep the account?"),
            "description": _("The person can sign in again at once, unless suspended."),
            "form_submit_text": _("Undo"),
        },
    )
    def undo(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Keep the account, once the dialog was confirmed by POST."""
        try:
            user = cancel_user_deletion(UUID(object_id), actor=actor_of(request))
        except (ValueError, InputRejectedError):
            raise Http404 from None
        messages.success(request, _("The account of %(person)s stays.") % {"person": user.username})
        return gone_on(request, reverse("admin:privacy_accountdeletion_changelist"))
