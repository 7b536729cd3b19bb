"""The JWK Set and the password reset pages."""

import datetime as dt
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from users.accounts.forms import EmailForm
from users.accounts.models import EmailReversal
from users.accounts.views import MailedLinkView, NextStep
from users.authentication.forms import ResetPasswordForm
from users.authentication.models import PasswordReset, Suspension
from users.authentication.services.email_reversal import undo_email_change
from users.authentication.services.passwords import request_password_reset, reset_password
from users.authentication.services.remaining_access import describe_access
from users.authentication.services.suspension import suspension_of
from users.authentication.sessions.access_tokens import public_keys


@require_safe
def jwks(_request: HttpRequest) -> JsonResponse:
    """Serve the JWK Set for verifying access tokens (RFC 7517, RFC 8037).

    Fallback keys are included. Responses are cacheable for five minutes, so make a new key a
    fallback for longer than that before it signs.
    """
    return JsonResponse(
        public_keys(),
        content_type="application/jwk-set+json",
        headers={"Cache-Control": "public, max-age=300"},
    )


class ForgotPasswordView(MailedLinkView):
    """Page that requests a reset link, with the same response for unknown addresses."""

    form_class = EmailForm
    title = gettext_lazy("Forgot your password?")
    lead = gettext_lazy("We will mail you a link to choose a new one.")
    button = gettext_lazy("Send the link")
    continues_by_mail = True

    def use(self, **fields: str) -> str:
        """Request the mail."""
        request_password_reset(actor=self.actor, **fields)
        return _("If this address has an account, we have sent a mail with a link to it.")


class ResetPasswordView(MailedLinkView):
    """Page that sets a new password by a mailed link."""

    form_class = ResetPasswordForm
    title = gettext_lazy("Choose a new password")
    lead = gettext_lazy(
        "You will be signed out on all devices. Then sign in with the new password."
    )
    button = gettext_lazy("Save my password")
    renewal = NextStep(
        PasswordReset.renewal,
        "forgot-password",
        gettext_lazy("Request a new link"),
    )

    def use(self, **fields: Any) -> str:
        """Set the new password."""
        reset = reset_password(actor=self.actor, **fields)
        done = _("Your password was changed. Sign in as %(username)s with your new password.") % {
            "username": reset.user.username
        }
        return f"{done} {describe_access(reset.remaining)}".rstrip()


class UndoEmailChangeView(MailedLinkView):
    """Page by which a former primary address undoes its change."""

    title = gettext_lazy("Undo the change of your e-mail address")
    lead = gettext_lazy(
        "This address becomes that of your account again. All devices are signed out, and the "
        "password no longer works."
    )
    button = gettext_lazy("Undo the change")
    renewal = NextStep(
        EmailReversal.renewal, "forgot-password", gettext_lazy("Choose a new password")
    )
    continues_by_mail = True

    def use(self, **fields: str) -> str:
        """Undo the change; an inactive user is mailed no link."""
        user = undo_email_change(fields["token"], actor=self.actor)
        if user.is_active:
            return _("Done. We have sent you a mail with a link to choose a new password.")
        return " ".join(
            (
                _("Done. This address is that of your account again."),
                _describe_inactive_state(suspension_of(user)),
                _("Then request a link to choose a new password: the old one no longer works."),
            )
        )


def _describe_inactive_state(suspension: Suspension | None) -> str:
    if suspension is None:
        return _(
            "Your account is deactivated or scheduled for deletion. Contact an administrator to "
            "have it reactivated."
        )
    if suspension.until is None:
        return _("Your account is suspended. Contact an administrator to have it reactivated.")
    end = date_format(suspension.until.astimezone(dt.UTC), "DATETIME_FORMAT")
    return _("Your account is suspended until %(end)s (UTC).") % {"end": end}
