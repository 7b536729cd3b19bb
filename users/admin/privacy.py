"""The page of scheduled deletions of accounts."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from users.accounts.policy import may_administer
from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action
from users.admin.base import MenuItem, Section, actor_of, deny_all
from users.admin.filters import DayFilter, RelatedFilter
from users.admin.forms import ServiceForm
from users.admin.user_related import OnePerUserAdmin
from users.privacy.models import AccountDeletion
from users.privacy.services.deletion import cancel_user_deletion, delete_user


@admin.register(AccountDeletion)
class AccountDeletionAdmin(OnePerUserAdmin):
    """Scheduled deletions, which administrators create and cancel."""

    menu = MenuItem(Section.PEOPLE, 6, "person_remove")
    empty_title = _("No account is about to be deleted.")
    may_add = staticmethod(may_administer)
    may_change = staticmethod(deny_all)
    add_text = _(
        "The account is deactivated and the person signed out immediately. They get a mail by "
        "which they can keep it. Their data is erased when the grace period ends."
    )
    list_display = ("user", "requested_at", "expires_at")
    list_filter = (("user", RelatedFilter), ("expires_at", DayFilter))
    sortable_by = ("user", "expires_at")
    actions_detail = ("undo",)
    add_fieldsets = ((None, {"fields": ("user",)}),)
    fieldsets = ((None, {"fields": ("user", ("requested_at", "expires_at"))}),)

    def save_model(
        self, request: HttpRequest, obj: AccountDeletion, form: ServiceForm, *_change: Any
    ) -> None:
        """Schedule the deletion."""
        user = delete_user(form.cleaned_data["user"].pk, actor=actor_of(request))
        obj.user = user

    @dialog_action(
        label=_("Undo"),
        icon="undo",
        permission="administer",
        title=_("Undo the deletion?"),
        text=_("The account is kept. The person can sign in again unless they are suspended."),
    )
    def undo(self, dialog: ConfirmedDialog) -> ActionResult:
        """Cancel the scheduled deletion."""
        user = cancel_user_deletion(dialog.key, actor=dialog.actor)
        message = _("The account of %(person)s will not be deleted.") % {"person": user.username}
        return ActionResult(self.list_url, message)
