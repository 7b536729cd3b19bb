"""The page of pending invitations to create an account."""

from typing import ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from users.accounts.identifiers import readable_email
from users.accounts.models import Invitation
from users.accounts.policy import may_administer_users
from users.accounts.services.invitation import cancel_invitation, resend_invitation
from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action
from users.admin.base import MenuItem, RosterAdmin, Section, actor_of, is_administrator
from users.admin.filters import DayFilter


@admin.register(Invitation)
class InvitationAdmin(RosterAdmin):
    """Pending invitations, which administrators send again or cancel."""

    menu = MenuItem(Section.PEOPLE, 11, "outgoing_mail")
    empty_title = _("No invitation is open.")
    empty_text = _(
        "All were accepted, cancelled or have expired. Press “Invite” in the list of people to "
        "send one."
    )
    may_view = staticmethod(is_administrator)
    list_display = ("address", "name", "locale", "expires_at")
    list_filter: ClassVar = (("expires_at", DayFilter),)
    search_fields = ("email__contains",)
    search_help_text = _("Any part of the address")
    ordering = ("-id",)
    sortable_by = ("expires_at",)
    fields = (("address", "name"), ("locale", "expires_at"))
    actions_detail = ("resend", "cancel")

    def has_manage_permission(self, request: HttpRequest, _object_id: str) -> bool:
        """Offer it to administrators."""
        return may_administer_users(actor_of(request))

    @admin.display(description=_("e-mail"), ordering="email")
    def address(self, invitation: Invitation) -> str:
        """Show the address in its readable (Unicode) form."""
        return readable_email(invitation.email)

    @dialog_action(
        label=_("Send again"),
        icon="forward_to_inbox",
        permission="manage",
        title=_("Send the invitation again?"),
        text=_("The person gets a new link by mail. The former link stops working."),
    )
    def resend(self, dialog: ConfirmedDialog) -> ActionResult:
        """Mail the invitation again."""
        invitation = resend_invitation(dialog.key, actor=dialog.actor)
        return ActionResult(self.page_url(invitation.pk), _("The invitation is being sent."))

    @dialog_action(
        label=_("Cancel the invitation"),
        icon="cancel",
        permission="manage",
        title=_("Cancel the invitation?"),
        text=_("Its link stops working."),
    )
    def cancel(self, dialog: ConfirmedDialog) -> ActionResult:
        """Cancel the invitation."""
        cancel_invitation(dialog.key, actor=dialog.actor)
        return ActionResult(self.list_url, _("The invitation was canceled."))
