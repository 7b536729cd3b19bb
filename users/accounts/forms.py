"""Forms of the pages that mailed links open without a frontend."""

from django import forms
from django.utils.translation import gettext_lazy as _

from users.accounts.identifiers import USERNAME_MAX_LENGTH

_username = forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"})


class LinkForm(forms.Form):
    """The token of a mailed link, which a script copies from the URL's fragment."""

    token = forms.CharField(widget=forms.HiddenInput, max_length=200)


class EmailForm(forms.Form):
    """The address that gets another mail."""

    # Not `EmailField`: its validator differs from that of the service.
    email = forms.CharField(
        label=_("E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class ConfirmForm(LinkForm):
    """The token and the account's password, which the service requires."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class ConfirmAsForm(ConfirmForm):
    """The password, and another username if the requested one was taken meanwhile."""

    username = forms.CharField(
        label=_("Username"), max_length=USERNAME_MAX_LENGTH, required=False, widget=_username
    )


class AcceptInvitationForm(LinkForm):
    """The username and password of an invited user; the service validates them."""

    username = forms.CharField(
        label=_("Username"), max_length=USERNAME_MAX_LENGTH, widget=_username
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ClaimSignUpForm(LinkForm):
    """A new username and password, for a sign-up by a stranger or a lost password."""

    username = forms.CharField(
        label=_("Username"), max_length=USERNAME_MAX_LENGTH, widget=_username
    )
    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    claim = forms.CharField(widget=forms.HiddenInput, max_length=1, initial="1")
