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
    revoke = forms.BooleanField(
        label=_("Also revoke API tokens and data exports, which work without the password"),
        required=False,
    )
