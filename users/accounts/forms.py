"""Forms of the pages that need no frontend."""

from django import forms
from django.utils.translation import gettext_lazy as _

from users.accounts.identifiers import USERNAME_MAX_LENGTH

_username = forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"})


class LinkForm(forms.Form):
    """The token of a mailed link; the page's script moves it here from the URL's fragment."""

    token = forms.CharField(widget=forms.HiddenInput, max_length=200)


class ConfirmForm(LinkForm):
    """The token, and the password that proves whose request it is; the service asks for it."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class ConfirmAsForm(ConfirmForm):
    """The password, and another username if that of the sign-up was taken meanwhile."""

    username = forms.CharField(
        label=_("Username"), max_length=USERNAME_MAX_LENGTH, required=False, widget=_username
    )


class AcceptInvitationForm(LinkForm):
    """What an invited person chooses; the service has the rules."""

    username = forms.CharField(
        label=_("Username"), max_length=USERNAME_MAX_LENGTH, widget=_username
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ClaimSignUpForm(LinkForm):
    """A new username and password, for a sign-up that is not the reader's or is forgotten."""

    username = forms.CharField(
        label=_("Username"), max_length=USERNAME_MAX_LENGTH, widget=_username
    )
    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    claim = forms.CharField(widget=forms.HiddenInput, max_length=1, initial="1")
