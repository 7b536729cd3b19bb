"""Texts of the mails about exports. Call under the reader's language."""

from django.utils.translation import gettext as _

from core.email.message import Mail
from core.email.words import Reader


def user_export(reader: Reader, *, url: str, day: str) -> Mail:
    """Mail the link to a completed export of users."""
    return Mail(
        reader=reader,
        subject=_("Your export is ready"),
        paragraphs=[_("You asked for an export of people. The file is complete.")],
        action=_("Open the export"),
        action_url=url,
        footnote=_(
            "Sign in as an administrator to download it. It expires on %(day)s. If you did not ask "
            "for this, choose a new password."
        )
        % {"day": day},
    )
