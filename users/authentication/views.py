"""The public keys, and pages for who forgot their password."""

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from users.accounts.views import MailedLinkView
from users.authentication.forms import ForgotPasswordForm, ResetPasswordForm
from users.authentication.services.passwords import request_password_reset, reset_password
from users.authentication.sessions.access_tokens import public_keys


@require_safe
def jwks(_request: HttpRequest) -> JsonResponse:
    """Publish what other services verify our access tokens with (RFC 7517, RFC 8037).

    The fallbacks are among the keys. Caches may keep them for five minutes, so a new key is to
    be a fallback for longer than that before it signs.
    """
    return JsonResponse(
        public_keys(),
        content_type="application/jwk-set+json",
        headers={"Cache-Control": "public, max-age=300"},
    )


class ForgotPasswordView(MailedLinkView):
    """Asks where to mail the link; the answer is the same for known and unknown addresses."""

    form_class = ForgotPasswordForm
    title = gettext_lazy("Forgot your password?")
    lead = gettext_lazy("We mail you a link to choose a new one.")
    button = gettext_lazy("Send the link")

    def use(self, **fields: str) -> str:
        """Ask for the mail."""
        request_password_reset(actor=self.actor, **fields)
        return _("If this address has an account, a mail with a link is on its way.")


class ResetPasswordView(MailedLinkView):
    """Asks for a new password."""

    form_class = ResetPasswordForm
    title = gettext_lazy("Choose a new password")
    lead = gettext_lazy("You will be signed out on all devices and can sign in with it at once.")
    button = gettext_lazy("Save my password")

    def use(self, **fields: str) -> str:
        """Reset."""
        token, new_password = fields["token"], fields["new_password"]
        user = reset_password(token, actor=self.actor, new_password=new_password)
        return _("Done. Sign in as %(username)s with your new password.") % {
            "username": user.username
        }
