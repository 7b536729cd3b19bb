"""Forms of the pages that need no frontend."""

from django import forms
from django.utils.translation import gettext_lazy as _

from users.accounts.identifiers import USERNAME_MAX_LENGTH


class LinkForm(forms.Form):
    """The token of a mailed link; the page's script moves it here from the URL's fragment."""

    token = forms.CharField(widget=forms.HiddenInput, max_length=200)


class AcceptInvitationForm(LinkForm):
    """What an invited person chooses; the service has the rules."""

    username = forms.CharField(
        label=_("Username"),
        max_length=USERNAME_MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
