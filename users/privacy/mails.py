"""Texts of the mails about deletions and exports. Call under the reader's language."""

from django.utils.translation import gettext as _

from core.email.message import Mail
from core.email.words import Reader


def deletion_scheduled(reader: Reader, *, url: str, day: str) -> Mail:
    """Notify a user of the scheduled deletion, with a link to cancel it."""
    return Mail(
        reader=reader,
        subject=_("Your account will be deleted"),
        paragraphs=[
            _("Your account was deactivated, and all devices were signed out."),
            _("On %(day)s we will erase your data. That cannot be undone.") % {"day": day},
        ],
        action=_("Keep my account"),
        action_url=url,
        footnote=_(
            "The link expires on that day. If you did not ask for this, keep your account, then "
            "choose a new password."
        ),
    )


def sign_up_while_deleted(reader: Reader, *, url: str, day: str) -> Mail:
    """Notify a user whose deletion is scheduled of a sign-up with their address."""
    return Mail(
        reader=reader,
        subject=_("Your account is scheduled for deletion"),
        is_awaited=True,
        paragraphs=[
            _("We received a sign-up with this e-mail address."),
            _(
                "It belongs to your account, which will be erased on %(day)s, so no new one was "
                "created. Until then you can keep it. Afterwards you can sign up again."
            )
            % {"day": day},
        ],
        action=_("Keep my account"),
        action_url=url,
        footnote=_("If this was not you, you need not do anything: your account is unchanged."),
    )


def data_export(reader: Reader, *, url: str, day: str) -> Mail:
    """Mail the link to a completed export."""
    return Mail(
        reader=reader,
        subject=_("Your data is ready"),
        paragraphs=[_("You asked for your data. It is one file in JSON format.")],
        action=_("Download my data"),
        action_url=url,
        footnote=_(
            "The link expires on %(day)s. It opens for you alone: sign in, or enter your password. "
            "If you did not ask for this, choose a new password."
        )
        % {"day": day},
    )
