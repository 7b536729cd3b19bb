"""Mails about passwords, API tokens, second factors and impersonation.

Each function is called with the recipient's language active.
"""

import datetime as dt
from collections.abc import Sequence

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.email.message import Mail
from core.email.words import Reader
from users.accounts.authentication_methods import Method


def password_reset(reader: Reader, *, url: str) -> Mail:
    """Return the mail with a requested password reset link."""
    return Mail(
        reader=reader,
        subject=_("Choose a new password"),
        is_awaited=True,
        paragraphs=[
            _("We received a request to reset the password of your account."),
        ],
        action=_("Choose a new password"),
        action_url=url,
        footnote=_(
            "You can use the link once. It expires after one hour. If you did not ask for it, "
            "ignore this mail: your password stays as it is."
        ),
    )


def forced_password_reset(reader: Reader, *, url: str) -> Mail:
    """Return the mail with the link of a password reset that an administrator requires."""
    return _invalidated_password(
        reader,
        subject=_("You need a new password"),
        paragraphs=[
            _("An administrator requires you to choose a new password for your account."),
            _("Your old password no longer works, and you were signed out on all devices."),
        ],
        url=url,
    )


def email_change_undone(reader: Reader, *, url: str) -> Mail:
    """Return the mail with a reset link, after a change of address was undone."""
    return _invalidated_password(
        reader,
        subject=_("The change of your e-mail address was undone"),
        is_awaited=True,
        paragraphs=[
            _("This is the address of your account again."),
            _(
                "To keep others out, the password no longer works, and all devices were signed "
                "out. Choose a new password."
            ),
        ],
        url=url,
    )


def _invalidated_password(
    reader: Reader, *, subject: str, paragraphs: Sequence[str], url: str, is_awaited: bool = False
) -> Mail:
    """Return the mail with a reset link to a user whose password no longer works."""
    return Mail(
        reader=reader,
        subject=subject,
        is_awaited=is_awaited,
        paragraphs=paragraphs,
        action=_("Choose a new password"),
        action_url=url,
        footnote=_(
            "You can use the link once. It expires after one hour. If it has expired, ask for a "
            "new one as if you had forgotten your password."
        ),
    )


def password_changed(reader: Reader, *, remaining: str) -> Mail:
    """Return the security notice of a changed password, with the sentence of `describe_access`."""
    return Mail(
        reader=reader,
        subject=_("Your password was changed"),
        paragraphs=[
            _("The password of your account was changed. Other devices were signed out."),
            *([remaining] if remaining else []),
        ],
        footnote=_("If this was not you, reset your password now and contact an administrator."),
    )


def api_token_created(reader: Reader, *, token: str, scopes: str) -> Mail:
    """Return the security notice of a new API token."""
    return Mail(
        reader=reader,
        subject=_("A new API token for your account"),
        paragraphs=[
            _("An API token was created for your account: %(token)s.") % {"token": named}
            if (named := reader.words(token))
            else _("An API token was created for your account."),
            _("It gives access to your account with these scopes: %(scopes)s.")
            % {"scopes": scopes},
        ],
        footnote=_("If this was not you, revoke the token and change your password now."),
    )


def sign_up_while_suspended(reader: Reader, *, until: dt.datetime | None) -> Mail:
    """Notify a suspended user of a sign-up with their address."""
    end = date_format(until.astimezone(dt.UTC), "DATETIME_FORMAT") if until else ""
    return Mail(
        reader=reader,
        subject=_("Your account is suspended"),
        is_awaited=True,
        paragraphs=[
            _("We received a sign-up with this e-mail address."),
            _("It belongs to your account, which is suspended, so no new one was created."),
            _("You can sign in again after %(end)s (UTC).") % {"end": end}
            if end
            else _("Contact an administrator to have it reactivated."),
        ],
        footnote=_("If this was not you, you need not do anything: your account is unchanged."),
    )


NOT_YOU = gettext_lazy(
    "If this was not you, change your password now and contact an administrator."
)


def factor_added(reader: Reader, *, method: str) -> Mail:
    """Return the security notice of a new passkey or authenticator app."""
    is_passkey = method == Method.PASSKEY
    return Mail(
        reader=reader,
        subject=_("A passkey was added") if is_passkey else _("An authenticator app was set up"),
        paragraphs=[
            _("A passkey was added to your account. It can be used to sign in without a password.")
            if is_passkey
            else _("From now on, you need a code from your authenticator app to sign in."),
        ],
        footnote=str(NOT_YOU),
    )


def factor_removed(reader: Reader, *, method: str) -> Mail:
    """Return the security notice of a removed passkey or authenticator app."""
    is_passkey = method == Method.PASSKEY
    return Mail(
        reader=reader,
        subject=_("A passkey was removed")
        if is_passkey
        else _("Your authenticator app was removed"),
        paragraphs=[
            _("A passkey was removed from your account. It can no longer be used to sign in.")
            if is_passkey
            else _("The authenticator app of your account was removed. Its codes no longer work."),
        ],
        footnote=str(NOT_YOU),
    )


def recovery_code_used(reader: Reader, *, left: int) -> Mail:
    """Return the security notice of a used recovery code, with the number of codes left."""
    return Mail(
        reader=reader,
        subject=_("A recovery code was used"),
        paragraphs=[
            _("One of your recovery codes was used to sign in or to confirm your identity."),
            _("Recovery codes left: %(count)s.") % {"count": left},
        ],
        footnote=str(NOT_YOU),
    )


def recovery_codes_regenerated(reader: Reader) -> Mail:
    """Return the security notice of new recovery codes."""
    return Mail(
        reader=reader,
        subject=_("You have new recovery codes"),
        paragraphs=[
            _("New recovery codes were created for your account. The old ones no longer work.")
        ],
        footnote=str(NOT_YOU),
    )


def factors_reset(reader: Reader) -> Mail:
    """Return the notice that an administrator removed all second factors."""
    return Mail(
        reader=reader,
        subject=_("Your second factors were removed"),
        paragraphs=[
            _("An administrator removed the authenticator app and the passkeys of your account."),
            _(
                "You were signed out on all devices. Until you set up a second factor again, you "
                "sign in with your password only."
            ),
        ],
        footnote=_("If you did not ask for this, contact an administrator now."),
    )


def impersonation_started(reader: Reader, *, until: dt.datetime) -> Mail:
    """Return the notice that an administrator impersonates the user until ``until``."""
    end = date_format(until.astimezone(dt.UTC), "DATETIME_FORMAT")
    return Mail(
        reader=reader,
        subject=_("An administrator is signed in to your account"),
        paragraphs=[
            _(
                "An administrator has signed in to your account to help you or to investigate a "
                "problem. This session ends at %(end)s (UTC) at the latest."
            )
            % {"end": end},
            _(
                "The administrator cannot change your password, addresses, second factors or "
                "tokens. Every action is recorded. You can end the session at any time in your "
                "list of sessions."
            ),
        ],
        footnote=_(
            "If you did not expect this, end all other sessions and contact an administrator."
        ),
    )
