"""Pages for who forgot their password, for deployments without a frontend of their own."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.actor import Actor
from users.accounts.forms import LinkForm
from users.accounts.views import LinkView
from users.authentication.services.passwords import request_password_reset, reset_password


class ResetPasswordForm(LinkForm):
    """What `reset_password` takes; the rules for passwords are the service's."""

    new_password = forms.CharField(
        label=gettext_lazy("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ForgotPasswordForm(forms.Form):
    """What `request_password_reset` takes."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class ForgotPasswordView(LinkView):
    """Asks where to mail the link; the answer is the same for known and unknown addresses."""

    form_class = ForgotPasswordForm
    title = gettext_lazy("Forgot your password?")
    lead = gettext_lazy("We mail you a link to choose a new one.")
    button = gettext_lazy("Send the link")

    def use(self, actor: Actor, **fields: str) -> str:
        """Ask for the mail."""
        request_password_reset(actor=actor, **fields)
        return _("If this address has an account, a mail with a link is on its way.")


class ResetPasswordView(LinkView):
    """Asks for a new password."""

    form_class = ResetPasswordForm
    title = gettext_lazy("Choose a new password")
    lead = gettext_lazy("You will be signed out on all devices and can sign in with it at once.")
    button = gettext_lazy("Save my password")

    def use(self, actor: Actor, **fields: str) -> str:
        """Reset."""
        token, new_password = fields["token"], fields["new_password"]
        user = reset_password(token, actor=actor, new_password=new_password)
        return _("Done. Sign in as %(username)s with your new password.") % {
            "username": user.username
        }
