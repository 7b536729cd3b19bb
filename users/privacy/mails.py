"""What the mails about deletions and exports say; call under the reader's language."""

from django.utils.translation import gettext as _

from core.email.message import Mail
from core.email.words import Reader


def deletion_scheduled(reader: Reader, *, url: str, day: str) -> Mail:
    """Tell the person, who may not have done it, and offer the way back."""
    return Mail(
        reader=reader,
        subject=_("Your account will be deleted"),
        paragraphs=[
            _("Your account is shut, and all devices were signed out."),
            _("On %(day)s we erase what we keep about you. Nobody can undo that.") % {"day": day},
        ],
        action=_("Keep my account"),
        action_url=url,
        footnote=_(
            "The link works until then. If it was not you who asked for this, follow it and "
            "choose a new password."
        ),
    )


def data_export(reader: Reader, *, url: str, day: str) -> Mail:
    """Say that the archive is ready."""
    return Mail(
        reader=reader,
        subject=_("Your data is ready"),
        paragraphs=[_("You asked for what we keep about you. It is one file, in JSON.")],
        action=_("Fetch my data"),
        action_url=url,
        footnote=_(
            "The link works until %(day)s, for whoever has it: do not pass it on. If you did not "
            "ask for this, choose a new password."
        )
        % {"day": day},
    )
