"""Forms of the server-rendered password pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from users.accounts.forms import LinkForm


class ResetPasswordForm(LinkForm):
    """Input of `reset_password`, which validates the password's strength."""

    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ForgotPasswordForm(forms.Form):
    """Input of `request_password_reset`."""

    # Not `EmailField`: its validator differs from that of the service.
    email = forms.CharField(
        label=_("E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
