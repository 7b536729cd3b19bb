"""What mails about ways in, and about impersonations, say; under the reader's language."""

import datetime as dt

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.email.message import Mail
from core.email.words import Reader
from users.accounts.authentication_methods import Method


def password_reset(reader: Reader, *, url: str) -> Mail:
    """Send the link that was asked for."""
    return Mail(
        reader=reader,
        subject=_("Choose a new password"),
        paragraphs=[
            _("Somebody, hopefully you, asked for a new password for your account."),
        ],
        action=_("Choose a new password"),
        action_url=url,
        footnote=_(
            "The link works once and for one hour. If you did not ask for it, ignore this mail: "
            "your password stays as it is."
        ),
    )


def forced_password_reset(reader: Reader, *, url: str) -> Mail:
    """Send the link without which the person cannot sign in any more."""
    return Mail(
        reader=reader,
        subject=_("You need a new password"),
        paragraphs=[
            _("An administrator has asked that you choose a new password for your account."),
            _("Your former password does not work any more, and all devices were signed out."),
        ],
        action=_("Choose a new password"),
        action_url=url,
        footnote=_(
            "The link works once and for one hour. If it is too old, ask for a new one as if "
            "you had forgotten your password."
        ),
    )


def password_changed(reader: Reader) -> Mail:
    """Tell the person, who may not have done it."""
    return Mail(
        reader=reader,
        subject=_("Your password was changed"),
        paragraphs=[
            _("The password of your account was changed. Other devices were signed out."),
        ],
        footnote=_("If it was not you, ask for a new password at once and tell an administrator."),
    )


def api_token_created(reader: Reader, *, token: str, scopes: str) -> Mail:
    """Tell the person of a token that speaks for them; they may not have made it."""
    return Mail(
        reader=reader,
        subject=_("A new API token for your account"),
        paragraphs=[
            _("An API token was made for your account: %(token)s.") % {"token": named}
            if (named := reader.words(token))
            else _("An API token was made for your account."),
            _("Whoever has it can do this in your name: %(scopes)s.") % {"scopes": scopes},
        ],
        footnote=_("If it was not you, revoke the token and change your password at once."),
    )


NOT_YOU = gettext_lazy("If it was not you, change your password at once and tell an administrator.")


def factor_added(reader: Reader, *, method: str) -> Mail:
    """Tell the person, who may not have done it."""
    is_passkey = method == Method.PASSKEY
    return Mail(
        reader=reader,
        subject=_("A passkey was added") if is_passkey else _("An authenticator app was set up"),
        paragraphs=[
            _("A passkey was added to your account, which signs in without a password.")
            if is_passkey
            else _("Signing in to your account takes a code of an authenticator app from now on."),
        ],
        footnote=str(NOT_YOU),
    )


def factor_removed(reader: Reader, *, method: str) -> Mail:
    """Tell the person, who may not have done it."""
    is_passkey = method == Method.PASSKEY
    return Mail(
        reader=reader,
        subject=_("A passkey was removed")
        if is_passkey
        else _("Your authenticator app was removed"),
        paragraphs=[
            _("A passkey was removed from your account. It signs in no more.")
            if is_passkey
            else _("The authenticator app of your account was removed. Its codes count no more."),
        ],
        footnote=str(NOT_YOU),
    )


def recovery_code_used(reader: Reader, *, left: int) -> Mail:
    """Tell the person, who may not have done it, and may need new ones."""
    return Mail(
        reader=reader,
        subject=_("A recovery code was used"),
        paragraphs=[
            _("Somebody, hopefully you, used a recovery code of your account."),
            _("Recovery codes left: %(count)s.") % {"count": left},
        ],
        footnote=str(NOT_YOU),
    )


def recovery_codes_regenerated(reader: Reader) -> Mail:
    """Tell the person, who may not have done it."""
    return Mail(
        reader=reader,
        subject=_("You have new recovery codes"),
        paragraphs=[_("New recovery codes were made for your account. The former ones are void.")],
        footnote=str(NOT_YOU),
    )


def factors_reset(reader: Reader) -> Mail:
    """Tell the person what an administrator did, and what it means."""
    return Mail(
        reader=reader,
        subject=_("Your second factors were removed"),
        paragraphs=[
            _("An administrator removed the authenticator app and the passkeys of your account."),
            _(
                "All devices were signed out. Your password alone signs you in until you set up a "
                "second factor again."
            ),
        ],
        footnote=_("If you did not ask for it, tell an administrator at once."),
    )


def impersonation_begun(reader: Reader, *, until: dt.datetime) -> Mail:
    """Tell the person what an administrator may do now, what not, and how to end it."""
    end = date_format(until.astimezone(dt.UTC), "DATETIME_FORMAT")
    return Mail(
        reader=reader,
        subject=_("An administrator acts in your name"),
        paragraphs=[
            _(
                "An administrator has signed in to your account, to help you or to look into a "
                "problem. That ends at %(end)s (UTC) at the latest."
            )
            % {"end": end},
            _(
                "Your password, addresses, second factors and tokens stay out of their reach. All "
                "that is done is recorded, and you can end it: it is among your sessions."
            ),
        ],
        footnote=_("If you did not expect this, end all other sessions and ask an administrator."),
    )
