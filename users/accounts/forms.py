"""Forms of the pages that need no frontend."""

from django import forms


class VerifyEmailForm(forms.Form):
    """The token of a mailed link; the page's script moves it here from the URL's fragment."""

    token = forms.CharField(widget=forms.HiddenInput, max_length=200)
