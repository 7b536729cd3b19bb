"""Texts of the mails about organisations. Call under the reader's language."""

from django.conf import settings
from django.utils.translation import gettext as _

from core.email.message import Mail
from core.email.words import Reader


def invitation(reader: Reader, *, organization: str, inviter: str, url: str) -> Mail:
    """Invite to an organisation, which is named only at a verified address (spam)."""
    names = {"organization": reader.words(organization), "inviter": reader.words(inviter)}
    is_named = all(names.values())
    return Mail(
        reader=reader,
        subject=_("You are invited to %(organization)s") % names
        if is_named
        else _("You are invited to an organisation"),
        paragraphs=[
            _("%(inviter)s invites you to join the organisation %(organization)s.") % names
            if is_named
            else _("A user of %(service)s invites you to join their organisation.")
            % {"service": settings.SERVICE_NAME},
        ],
        action=_("View the invitation"),
        action_url=url,
        footnote=_(
            "The link is single-use and expires after 7 days. If you do not want to join, ignore "
            "this mail: nothing changes."
        ),
    )
