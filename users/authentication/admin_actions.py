"""What administrators do about one person, by the services of the API."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.admin import actor_of, gone_on
from core.errors import InputRejectedError
from users.accounts.admin import UserAdmin
from users.accounts.policy import may_administer, may_administer_people
from users.accounts.services.administration import verify_user_email
from users.accounts.services.invitation import invite_user
from users.authentication.models import Suspension
from users.authentication.services.ending import end_sessions
from users.authentication.services.passwords import require_password_reset
from users.authentication.services.unlocking import unlock_user


def confirmed(
    request: HttpRequest, object_id: str, service: Callable[..., object], told: Promise
) -> HttpResponse:
    """Call a service for a person, once a dialog was confirmed by POST, and say what happened."""
    try:
        service(UUID(object_id), actor=actor_of(request))
    except (ValueError, InputRejectedError):
        raise Http404 from None
    messages.success(request, str(told))
    return gone_on(request, reverse("admin:accounts_user_change", args=[object_id]))


def refused(
    request: HttpRequest, form: forms.Form, refusal: InputRejectedError, dialog: dict[str, Any]
) -> HttpResponse:
    """Show a dialog's form again, with what a service found wrong."""
    for problem in refusal.problems:
        name = problem.field[0] if problem.field else None
        form.add_error(name if name in form.fields else None, str(problem.message))
    context = {"dialog": dialog, "form": form, "form_submit_text": dialog["form_submit_text"]}
    return render(request, "unfold/helpers/dialog.html", context)


class InvitationForm(BaseDialogForm):  # type: ignore[misc]
    """What `invite_user` takes; the rules are the service's."""

    email = forms.CharField(label=_("e-mail"), widget=UnfoldAdminTextInputWidget())
    name = forms.CharField(label=_("name"), required=False, widget=UnfoldAdminTextInputWidget())
    locale = forms.ChoiceField(
        label=_("language"), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget()
    )


INVITATION = {
    "title": _("Offer an account?"),
    "description": _("By a mailed link, by which the person chooses username and password."),
    "form_class": InvitationForm,
    "form_submit_text": _("Invite"),
}


class PeopleActions(UserAdmin):
    """The ways to administer a person, in one menu of their page."""

    actions_list: tuple[str, ...] = ("invite",)
    administration: ClassVar[tuple[str, ...]] = (
        *("verify_email", "require_reset", "unlock", "end_all_sessions"),
        *("suspend", "schedule_deletion"),
    )

    def has_invite_permission(self, request: HttpRequest) -> bool:
        """Offer it to administrators."""
        return may_administer_people(actor_of(request))

    @action(  # type: ignore[untyped-decorator]
        description=_("Invite"),
        url_path="invite",
        icon="person_add",
        permissions=["invite"],
        dialog=INVITATION,
    )
    def invite(self, request: HttpRequest, form: InvitationForm) -> HttpResponse:
        """Offer somebody an account, which they make themselves."""
        values = {name: form.cleaned_data[name] for name in ("email", "name", "locale")}
        try:
            invite_user(actor=actor_of(request), **values)
        except InputRejectedError as refusal:
            return refused(request, form, refusal, INVITATION)
        messages.success(request, _("The invitation is on its way."))
        return gone_on(request, reverse("admin:accounts_user_changelist"))

    def has_administer_permission(self, request: HttpRequest, _object_id: str) -> bool:
        """Offer what follows to administrators."""
        return may_administer(actor_of(request))

    def has_verify_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer to vouch for an address that nobody has verified."""
        person = self.get_object(request, object_id)
        return (
            may_administer(actor_of(request))
            and person is not None
            and person.email_verified_at is None
        )

    @action(  # type: ignore[untyped-decorator]
        description=_("Verify the address"),
        url_path="verify-email",
        icon="mark_email_read",
        permissions=["verify"],
        dialog={
            "title": _("Vouch for the e-mail address?"),
            "description": _("For somebody whom you know to read it."),
            "form_submit_text": _("Verify"),
        },
    )
    def verify_email(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Have the address count as verified."""
        return confirmed(
            request, object_id, verify_user_email, _("The e-mail address counts as verified.")
        )

    @action(  # type: ignore[untyped-decorator]
        description=_("Reset the password"),
        url_path="require-password-reset",
        icon="password",
        permissions=["administer"],
        dialog={
            "title": _("Take the password away?"),
            "description": _(
                "The person is signed out everywhere, and mailed a link to choose another one."
            ),
            "form_submit_text": _("Reset the password"),
        },
    )
    def require_reset(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Take the password away."""
        return confirmed(
            request, object_id, require_password_reset, _("The person was mailed a link.")
        )

    @action(  # type: ignore[untyped-decorator]
        description=_("Forget failed log-ins"),
        url_path="unlock",
        icon="lock_open",
        permissions=["administer"],
        dialog={
            "title": _("Forget failed log-ins?"),
            "description": _("For somebody who has to wait because of too many of them."),
            "form_submit_text": _("Forget them"),
        },
    )
    def unlock(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Let the person try again at once."""
        return confirmed(request, object_id, unlock_user, _("The person may log in again at once."))

    @action(  # type: ignore[untyped-decorator]
        description=_("End all sessions"),
        url_path="end-sessions",
        icon="logout",
        permissions=["administer"],
        dialog={
            "title": _("End all sessions?"),
            "description": _("The person is signed out everywhere at once, and may sign in again."),
            "form_submit_text": _("End all sessions"),
        },
    )
    def end_all_sessions(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Sign the person out everywhere."""
        return confirmed(
            request, object_id, end_sessions, _("The person is signed out everywhere.")
        )

    @action(  # type: ignore[untyped-decorator]
        description=_("Suspend"), url_path="suspend", icon="block", permissions=["administer"]
    )
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the form for that, or to the suspension that there is."""
        person = self.get_object(request, object_id)
        if person is None:
            raise Http404
        if Suspension.objects.visible_to(actor_of(request)).filter(pk=person.pk).exists():
            url = reverse("admin:authentication_suspension_change", args=[person.pk])
        else:
            url = reverse("admin:authentication_suspension_add", query={"user": person.pk})
        return HttpResponseRedirect(url)

    @action(  # type: ignore[untyped-decorator]
        description=_("Delete"),
        url_path="schedule-deletion",
        icon="person_remove",
        permissions=["administer"],
    )
    def schedule_deletion(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the form for that; the app above has it."""
        url = reverse("admin:privacy_accountdeletion_add", query={"user": object_id})
        return HttpResponseRedirect(url)
