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
            "The link expires on that day. If you did not ask for this, open the link and choose a "
            "new password."
        ),
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
            "The link expires on %(day)s and works without signing in: do not share it. If you did "
            "not ask for this, choose a new password."
        )
        % {"day": day},
    )
