"""What the mails about passwords and API tokens say; call under the reader's language."""

from django.utils.translation import gettext as _

from core.mail import Mail


def password_reset(*, name: str, url: str) -> Mail:
    """Send the link that was asked for."""
    return Mail(
        subject=_("Choose a new password"),
        greeting=_("Hello %(name)s,") % {"name": name},
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


def forced_password_reset(*, name: str, url: str) -> Mail:
    """Send the link without which the person cannot sign in any more."""
    return Mail(
        subject=_("You need a new password"),
        greeting=_("Hello %(name)s,") % {"name": name},
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


def password_changed(*, name: str) -> Mail:
    """Tell the person, who may not have done it."""
    return Mail(
        subject=_("Your password was changed"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[
            _("The password of your account was changed. Other devices were signed out."),
        ],
        footnote=_("If it was not you, ask for a new password at once and tell an administrator."),
    )


def api_token_created(*, name: str, token: str, scopes: str) -> Mail:
    """Tell the person of a token that speaks for them; they may not have made it."""
    return Mail(
        subject=_("A new API token for your account"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[
            _("An API token was made for your account: %(token)s.") % {"token": token},
            _("Whoever has it can do this in your name: %(scopes)s.") % {"scopes": scopes},
        ],
        footnote=_("If it was not you, revoke the token and change your password at once."),
    )
