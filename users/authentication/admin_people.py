"""What administrators do to people's ways in, on the pages of people themselves."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from core.admin import actor_of, gone_on
from core.errors import InputRejectedError
from users.accounts.admin import UserAdmin
from users.accounts.identifiers import readable_email
from users.accounts.models import EmailAddress, User
from users.accounts.policy import may_administer, may_impersonate
from users.accounts.services.email_addresses import remove_user_email_address
from users.authentication.admin_actions import PeopleActions, confirmed, refused
from users.authentication.services.impersonation import MINUTE, impersonate_user, is_ordinary
from users.authentication.services.resetting_factors import reset_second_factors


class ImpersonationForm(BaseDialogForm):  # type: ignore[misc]
    """What `impersonate_user` takes; the rules are the service's."""

    reason = forms.CharField(
        label=_("reason"),
        help_text=_("Recorded, and told to the person only if they ask for all their data."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    minutes = forms.IntegerField(label=_("minutes"), widget=UnfoldAdminIntegerFieldWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the longest time."""
        super().__init__(*args, **kwargs)
        self.fields["minutes"].initial = settings.IMPERSONATION_MAX // MINUTE


IMPERSONATION = {
    "title": _("Act in this person's name?"),
    "description": _("What takes the person stays closed: password, addresses, factors, tokens."),
    "form_class": ImpersonationForm,
    "form_submit_text": _("Begin"),
}


class AddressForm(BaseDialogForm):  # type: ignore[misc]
    """Which address `remove_user_email_address` takes away."""

    email = forms.ChoiceField(label=_("e-mail address"), widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer those of the person whose page it is."""
        super().__init__(*args, **kwargs)
        addresses = EmailAddress.objects.filter(user=self.object_id).order_by("email")
        self.fields["email"].choices = [
            (each.email, readable_email(each.email)) for each in addresses
        ]


ADDRESS = {
    "title": _("Remove an e-mail address?"),
    "description": _(
        "It will neither sign the person in nor get our mails. They are told at the primary one."
    ),
    "form_class": AddressForm,
    "form_submit_text": _("Remove"),
}

# The app below registered its own, which knows of no sessions and factors.
admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(PeopleActions):
    """People, with what this app can do for them."""

    actions_detail = (
        *UserAdmin.actions_detail,
        {
            "title": _("Administer"),
            "icon": "admin_panel_settings",
            "items": [
                *PeopleActions.administration,
                *("remove_address", "impersonate", "reset_factors"),
            ],
        },
    )

    def has_impersonate_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators, of those in whose name they may act."""
        if not (settings.IMPERSONATION_MAX and may_impersonate(actor_of(request))):
            return False
        person = self.get_object(request, object_id)
        return person is not None and is_ordinary(person)

    def has_reset_factors_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators, of those who have any."""
        if not may_administer(actor_of(request)):
            return False
        person = self.get_object(request, object_id)
        return person is not None and bool(person.second_factors)

    def has_remove_address_permission(self, request: HttpRequest, object_id: str) -> bool:
        """Offer it to administrators, of others who have a further one."""
        actor = actor_of(request)
        person = self.get_object(request, object_id) if may_administer(actor) else None
        if person is None or person.pk == actor.user_id:
            return False
        return bool(person.email_addresses.exists())

    @action(  # type: ignore[untyped-decorator]
        description=_("Remove an address"),
        url_path="remove-address",
        icon="unsubscribe",
        permissions=["remove_address"],
        dialog=ADDRESS,
    )
    def remove_address(
        self, request: HttpRequest, form: AddressForm, object_id: str
    ) -> HttpResponse:
        """Remove the one that was chosen, once the dialog was confirmed by POST."""
        email = form.cleaned_data["email"]
        try:
            user = remove_user_email_address(UUID(object_id), actor=actor_of(request), email=email)
        except InputRejectedError:
            raise Http404 from None
        messages.success(request, _("%(email)s was removed.") % {"email": readable_email(email)})
        return gone_on(request, _page_of(user))

    @action(  # type: ignore[untyped-decorator]
        description=_("Act in their name"),
        url_path="impersonate",
        icon="supervisor_account",
        permissions=["impersonate"],
        dialog=IMPERSONATION,
    )
    def impersonate(
        self, request: HttpRequest, form: ImpersonationForm, object_id: str
    ) -> HttpResponse:
        """Begin a session in the person's name and show its tokens, in the dialog and once."""
        values = {name: form.cleaned_data[name] for name in ("reason", "minutes")}
        try:
            signed_in = impersonate_user(UUID(object_id), actor=actor_of(request), **values)
        except InputRejectedError as refusal:
            return refused(request, form, refusal, IMPERSONATION)
        session = signed_in.session
        response = render(
            request,
            "admin/impersonation.html",
            {
                "title": _("You can act in the name of %(person)s")
                % {"person": session.user.username},
                "access_token": signed_in.access_token,
                "refresh_token": signed_in.refresh_token,
                "end": date_format(session.expires_at, "TIME_FORMAT"),
                "back": _page_of(session.user),
            },
        )
        # The dialog's script would keep the form's buttons otherwise.
        response["HX-Retarget"] = response["HX-Reselect"] = "#dialog"
        return response

    @action(  # type: ignore[untyped-decorator]
        description=_("Reset second factors"),
        url_path="reset-factors",
        icon="lock_reset",
        permissions=["reset_factors"],
        dialog={
            "title": _("Remove all second factors?"),
            "description": _(
                "For somebody who lost them, once you know that it is them. They are signed out "
                "everywhere and told by mail; their password alone signs them in."
            ),
            "form_submit_text": _("Remove"),
        },
    )
    def reset_factors(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        """Remove them, once the dialog was confirmed by POST."""
        return confirmed(
            request, object_id, reset_second_factors, _("The second factors were removed.")
        )


def _page_of(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])
