"""Actions on accounts: related pages, addresses, avatar, suspension, deletion, invitation."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from users.accounts.identifiers import readable_email
from users.accounts.policy import may_administer, may_administer_users, may_edit_profiles
from users.accounts.services.administration import verify_user_email
from users.accounts.services.avatar import remove_avatar
from users.accounts.services.email_addresses import remove_user_email_address
from users.accounts.services.invitation import invite_user
from users.admin.actions import Confirmed, Done, dialog_action, page_action
from users.admin.base import actor_of
from users.admin.people.accounts import UserRelatedAdmin
from users.admin.people.dialog_forms import AddressForm, InvitationForm
from users.authentication.models import Suspension


class AccountActions(UserRelatedAdmin):
    """Actions by the services of accounts, and links to other pages about the user."""

    def has_invite_permission(self, request: HttpRequest) -> bool:
        """Offer it to administrators."""
        return may_administer_users(actor_of(request))

    def has_verify_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators if the primary address is unverified."""
        person = self.get_object(request, object_id)
        return (
            may_administer(actor_of(request))
            and person is not None
            and person.email_verified_at is None
        )

    def has_remove_address_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators, for other users who have a secondary address."""
        actor = actor_of(request)
        person = self.get_object(request, object_id) if may_administer(actor) else None
        if person is None or person.pk == actor.user_id:
            return False
        return bool(person.email_addresses.exists())

    def has_remove_picture_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to staff if there is an avatar."""
        if not may_edit_profiles(actor_of(request)):
            return False
        person = self.get_object(request, object_id)
        return person is not None and bool(person.profile.avatar)

    @dialog_action(
        label=_("Invite"),
        icon="person_add",
        permission="invite",
        title=_("Invite a person?"),
        text=_("They get a link by mail, and choose their username and password there."),
        form_class=InvitationForm,
    )
    def invite(self, run_confirmed: Confirmed) -> Done:
        """Invite a person by mail."""
        invite_user(actor=run_confirmed.actor, **run_confirmed.values)
        return Done(self.list_url, _("The invitation is being sent."))

    @dialog_action(
        label=_("Verify the address"),
        icon="mark_email_read",
        permission="verify",
        title=_("Mark the e-mail address as verified?"),
        text=_("Only if you know that this person reads mail at it."),
        confirm=_("Mark as verified"),
    )
    def verify_email(self, run_confirmed: Confirmed) -> Done:
        """Mark the primary address as verified."""
        verify_user_email(run_confirmed.key, actor=run_confirmed.actor)
        return Done(
            self.page_url(run_confirmed.key), _("The e-mail address is marked as verified.")
        )

    @dialog_action(
        label=_("Remove an address"),
        icon="unsubscribe",
        permission="remove_address",
        title=_("Remove an e-mail address?"),
        text=_(
            "The person can no longer sign in with it. A notice is sent to their primary address."
        ),
        confirm=_("Remove"),
        form_class=AddressForm,
    )
    def remove_address(self, run_confirmed: Confirmed) -> Done:
        """Remove the secondary address that was chosen."""
        email = run_confirmed.values["email"]
        user = remove_user_email_address(run_confirmed.key, actor=run_confirmed.actor, email=email)
        message = _("%(email)s was removed.") % {"email": readable_email(email)}
        return Done(self.page_url(user.pk), message)

    @dialog_action(
        label=_("Remove the picture"),
        icon="hide_image",
        permission="remove_picture",
        title=_("Remove the picture?"),
        text=_("The person can choose another one."),
    )
    def remove_picture(self, run_confirmed: Confirmed) -> Done:
        """Remove the avatar."""
        user = remove_avatar(run_confirmed.key, actor=run_confirmed.actor)
        return Done(self.page_url(user.pk))

    @page_action(label=_("Profile"), icon="badge")
    def profile(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the user's profile."""
        return HttpResponseRedirect(reverse("admin:accounts_profile_change", args=[object_id]))

    @page_action(label=_("Sessions"), icon="devices")
    def sessions(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the user's sessions."""
        return _list_of("admin:authentication_session_changelist", object_id)

    @page_action(label=_("Events"), icon="history", permission="administer")
    def events(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the audit trail of the user."""
        return _list_of("admin:activity_event_changelist", object_id)

    @page_action(label=_("Suspend"), icon="block", permission="administer")
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the user's suspension, or to the form for one."""
        person = self.get_object(request, object_id)
        if person is None:
            raise Http404
        if Suspension.objects.visible_to(actor_of(request)).filter(pk=person.pk).exists():
            url = reverse("admin:authentication_suspension_change", args=[person.pk])
        else:
            url = reverse("admin:authentication_suspension_add", query={"user": person.pk})
        return HttpResponseRedirect(url)

    @page_action(label=_("Delete"), icon="person_remove", permission="administer")
    def schedule_deletion(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the form for the deletion of the account."""
        url = reverse("admin:privacy_accountdeletion_add", query={"user": object_id})
        return HttpResponseRedirect(url)


def _list_of(view: str, person_id: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(view, query={"q": person_id}))
