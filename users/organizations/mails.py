"""What the mails about organisations say; call under the reader's language."""

from django.utils.translation import gettext as _

from core.mail import Mail


def invitation(*, organization: str, inviter: str, name: str, url: str) -> Mail:
    """Offer a place in an organisation."""
    return Mail(
        subject=_("You are invited to %(organization)s") % {"organization": organization},
        greeting=_("Hello %(name)s,") % {"name": name} if name else _("Hello,"),
        paragraphs=[
            _("%(inviter)s invites you to join the organisation %(organization)s.")
            % {"inviter": inviter, "organization": organization},
        ],
        action=_("See the invitation"),
        action_url=url,
        footnote=_(
            "The link works once and for 7 days. If you do not want to join, ignore this mail: "
            "nothing happens."
        ),
    )
