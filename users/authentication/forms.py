"""Forms of the pages that need no frontend."""

from django import forms
from django.utils.translation import gettext_lazy as _

from users.accounts.forms import LinkForm


class ResetPasswordForm(LinkForm):
    """What `reset_password` takes; the rules for passwords are the service's."""

    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ForgotPasswordForm(forms.Form):
    """What `request_password_reset` takes."""

    # Not Django's field, whose idea of an address is another than the service's.
    email = forms.CharField(
        label=_("E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
