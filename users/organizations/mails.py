"""What the mails about organisations say; call under the reader's language."""

from django.utils.translation import gettext as _

from core.email.message import Mail
from core.email.words import Reader


def invitation(reader: Reader, *, organization: str, inviter: str, url: str) -> Mail:
    """Offer a place in an organisation, which only a user's verified address is told by name."""
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
            else _("A user of Roster invites you to join their organisation."),
        ],
        action=_("See the invitation"),
        action_url=url,
        footnote=_(
            "The link works once and for 7 days. If you do not want to join, ignore this mail: "
            "nothing happens."
        ),
    )
