"""What the mails about accounts say; call under the reader's language."""

from django.utils.translation import gettext as _

from core.mail import Mail


def verify_email(*, username: str, url: str) -> Mail:
    """Ask the owner of an address to confirm a sign-up."""
    return Mail(
        subject=_("Confirm your e-mail address"),
        greeting=_("Hello %(name)s,") % {"name": username},
        paragraphs=[
            _("Welcome to Roster. One step is left: confirm that this address is yours."),
        ],
        action=_("Confirm my address"),
        action_url=url,
        footnote=_(
            "The link works once and for 24 hours. If you did not sign up, ignore this mail: "
            "no account is created."
        ),
    )


def sign_up_with_known_email(*, name: str) -> Mail:
    """Tell the owner of an account that somebody tried to sign up with its address."""
    return Mail(
        subject=_("You already have an account"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[
            _("Somebody, perhaps you, tried to sign up with this e-mail address."),
            _("You already have an account, so no new one was created. Simply sign in."),
        ],
        footnote=_("If it was not you, there is nothing to do: your account is unchanged."),
    )
