"""Forms of the dialogs on users' pages; the services validate their input."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from users.accounts.identifiers import readable_email
from users.accounts.models import EmailAddress
from users.authentication.services.impersonation import MINUTE


class InvitationForm(BaseDialogForm):  # type: ignore[misc]
    """The arguments of `invite_user`."""

    email = forms.CharField(label=capfirst(_("e-mail")), widget=UnfoldAdminTextInputWidget())
    name = forms.CharField(
        label=capfirst(_("name")), required=False, widget=UnfoldAdminTextInputWidget()
    )
    locale = forms.ChoiceField(
        label=capfirst(_("language")), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget()
    )


class AddressForm(BaseDialogForm):  # type: ignore[misc]
    """The secondary address for `remove_user_email_address`."""

    email = forms.ChoiceField(label=capfirst(_("e-mail address")), widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the secondary addresses of the page's user."""
        super().__init__(*args, **kwargs)
        addresses = EmailAddress.objects.filter(user=self.object_id).order_by("email")
        self.fields["email"].choices = [
            (each.email, readable_email(each.email)) for each in addresses
        ]


class ImpersonationForm(BaseDialogForm):  # type: ignore[misc]
    """The arguments of `impersonate_user`."""

    reason = forms.CharField(
        label=capfirst(_("reason")),
        help_text=_("Recorded. The person sees it only in a data export."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    minutes = forms.IntegerField(
        label=capfirst(_("minutes")), widget=UnfoldAdminIntegerFieldWidget()
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Default to the longest allowed duration."""
        super().__init__(*args, **kwargs)
        self.fields["minutes"].initial = settings.IMPERSONATION_MAX // MINUTE
