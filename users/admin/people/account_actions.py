"""Actions of a user's page: links, addresses, avatar, suspension, deletion, invitation."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from users.accounts.identifiers import readable_email
from users.accounts.policy import may_administer, may_administer_users, may_edit_profiles
from users.accounts.services.administration import verify_user_email
from users.accounts.services.avatar import remove_avatar
from users.accounts.services.email_addresses import remove_user_email_address
from users.accounts.services.invitation import invite_user
from users.admin.actions import ActionResult, ConfirmedDialog, dialog_action, page_action
from users.admin.base import actor_of
from users.admin.people.dialog_forms import AddressForm, InvitationForm
from users.admin.user_related import UserRelatedAdmin
from users.authentication.models import Suspension


class AccountActions(UserRelatedAdmin):
    """Actions that call account services, and links to related pages."""

    def has_invite_permission(self, request: HttpRequest) -> bool:
        """Offer it to administrators."""
        return may_administer_users(actor_of(request))

    def has_verify_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators if the primary address is unverified."""
        user = self.get_object(request, object_id)
        return (
            may_administer(actor_of(request))
            and user is not None
            and user.email_verified_at is None
        )

    def has_remove_address_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators, for other users who have a secondary address."""
        actor = actor_of(request)
        user = self.get_object(request, object_id) if may_administer(actor) else None
        if user is None or user.pk == actor.user_id:
            return False
        return bool(user.shown_addresses)

    def has_remove_avatar_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to staff if the user has an avatar."""
        if not may_edit_profiles(actor_of(request)):
            return False
        user = self.get_object(request, object_id)
        return user is not None and bool(user.profile.avatar)

    @dialog_action(
        label=_("Invite"),
        icon="person_add",
        permission="invite",
        title=_("Invite a person?"),
        text=_("The person gets a link by mail to choose a username and a password."),
        form_class=InvitationForm,
    )
    def invite(self, dialog: ConfirmedDialog) -> ActionResult:
        """Send an invitation by mail."""
        invite_user(actor=dialog.actor, **dialog.values)
        return ActionResult(self.list_url, _("The invitation is being sent."))

    @dialog_action(
        label=_("Mark the address as verified"),
        icon="mark_email_read",
        permission="verify",
        title=_("Mark the e-mail address as verified?"),
        text=_("Do this only if you know that the person receives mail at this address."),
        confirm=_("Mark as verified"),
    )
    def verify_email(self, dialog: ConfirmedDialog) -> ActionResult:
        """Mark the primary address as verified."""
        verify_user_email(dialog.key, actor=dialog.actor)
        return ActionResult(
            self.page_url(dialog.key), _("The e-mail address is marked as verified.")
        )

    @dialog_action(
        label=_("Remove an address"),
        icon="unsubscribe",
        permission="remove_address",
        title=_("Remove an e-mail address?"),
        text=_(
            "The person can no longer sign in with it. We notify them at their primary address."
        ),
        confirm=_("Remove"),
        form_class=AddressForm,
    )
    def remove_address(self, dialog: ConfirmedDialog) -> ActionResult:
        """Remove the chosen secondary address."""
        email = dialog.values["email"]
        user = remove_user_email_address(dialog.key, actor=dialog.actor, email=email).user
        message = _("%(email)s was removed.") % {"email": readable_email(email)}
        return ActionResult(self.page_url(user.pk), message)

    @dialog_action(
        label=_("Remove the avatar"),
        icon="hide_image",
        permission="remove_avatar",
        path="remove-picture",
        title=_("Remove the avatar?"),
        text=_("The person can choose another one."),
    )
    def remove_avatar(self, dialog: ConfirmedDialog) -> ActionResult:
        """Remove the avatar."""
        user = remove_avatar(dialog.key, actor=dialog.actor)
        return ActionResult(self.page_url(user.pk))

    @page_action(label=_("Profile"), icon="badge")
    def profile(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the user's profile."""
        return HttpResponseRedirect(reverse("admin:accounts_profile_change", args=[object_id]))

    @page_action(label=_("Sessions"), icon="devices")
    def sessions(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the user's sessions."""
        return _redirect_to_list("admin:authentication_session_changelist", object_id)

    @page_action(label=_("Events"), icon="history", permission="administer")
    def events(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the user's events in the audit trail."""
        return _redirect_to_list("admin:activity_event_changelist", object_id)

    @page_action(label=_("Suspend"), icon="block", permission="administer")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the user's suspension, or to the form that creates one."""
        user = self.get_object(request, object_id)
        if user is None:
            raise Http404
        if Suspension.objects.visible_to(actor_of(request)).filter(pk=user.pk).exists():
            url = reverse("admin:authentication_suspension_change", args=[user.pk])
        else:
            url = reverse("admin:authentication_suspension_add", query={"user": user.pk})
        return HttpResponseRedirect(url)

    @page_action(label=_("Delete"), icon="person_remove", permission="administer")
    def schedule_deletion(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the form that schedules the deletion."""
        url = reverse("admin:privacy_accountdeletion_add", query={"user": object_id})
        return HttpResponseRedirect(url)


def _redirect_to_list(view: str, user_id: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(view, query={"q": user_id}))
