"""What the mails about accounts say; call under the reader's language.

Words of users go through the reader (`core.email.words`).
"""

from django.utils.translation import gettext as _

from core.email.message import Mail
from core.email.words import Reader


def verify_email(reader: Reader, *, url: str) -> Mail:
    """Ask the owner of an address to confirm a sign-up."""
    return Mail(
        reader=reader,
        subject=_("Confirm your e-mail address"),
        paragraphs=[
            _(
                "Somebody, hopefully you, signed up for Roster with this address. One step is "
                "left: confirm it with your password."
            ),
        ],
        action=_("Confirm my address"),
        action_url=url,
        footnote=_(
            "The link works once and for 24 hours. If you did not sign up, ignore this mail: "
            "no account is created. If you want one all the same, choose a new password there: "
            "then nobody else knows it."
        ),
    )


def sign_up_with_known_email(reader: Reader) -> Mail:
    """Tell the owner of an account that somebody tried to sign up with its address."""
    return Mail(
        reader=reader,
        subject=_("You already have an account"),
        paragraphs=[
            _("Somebody, perhaps you, tried to sign up with this e-mail address."),
            _("You already have an account, so no new one was created. Simply sign in."),
        ],
        footnote=_("If it was not you, there is nothing to do: your account is unchanged."),
    )


def invitation(reader: Reader, *, url: str) -> Mail:
    """Offer an account."""
    return Mail(
        reader=reader,
        subject=_("You are invited"),
        paragraphs=[
            _("An administrator offers you an account. Choose a username and a password for it."),
        ],
        action=_("Create my account"),
        action_url=url,
        footnote=_("The link works once and for 7 days. If you want no account, ignore this mail."),
    )


def confirm_email_change(reader: Reader, *, url: str) -> Mail:
    """Ask the owner of a new address to confirm it."""
    return Mail(
        reader=reader,
        subject=_("Confirm your new e-mail address"),
        paragraphs=[
            _("Somebody, hopefully you, wants this to be the new address of their Roster account."),
            _("Confirm it where you are signed in, or with the password of that account."),
        ],
        action=_("Confirm my address"),
        action_url=url,
        footnote=_(
            "The link works once and for 24 hours. If you asked for nothing, ignore this mail: "
            "nothing changes."
        ),
    )


def change_to_known_email(reader: Reader) -> Mail:
    """Tell the owner of an account that somebody wanted its address for another account."""
    return Mail(
        reader=reader,
        subject=_("You already have an account"),
        paragraphs=[
            _("Somebody, perhaps you, wanted this e-mail address for another account."),
            _("An address belongs to one account only, so nothing was changed."),
        ],
        footnote=_("If it was not you, there is nothing to do: your account is unchanged."),
    )


def confirm_email_address(reader: Reader, *, url: str) -> Mail:
    """Ask the owner of a further address to confirm it."""
    return Mail(
        reader=reader,
        subject=_("Confirm your e-mail address"),
        paragraphs=[
            _("Somebody, hopefully you, wants to add this address to their Roster account."),
            _("Confirm it where you are signed in, or with the password of that account."),
        ],
        action=_("Confirm my address"),
        action_url=url,
        footnote=_(
            "The link works once and for 24 hours. If you asked for nothing, ignore this mail: "
            "nothing changes."
        ),
    )


def email_address_added(reader: Reader) -> Mail:
    """Tell the owner of an account that it has one more address."""
    return Mail(
        reader=reader,
        subject=_("An e-mail address was added to your account"),
        paragraphs=[
            _("Whoever reads the new address can sign in with it and choose a new password."),
        ],
        footnote=_("If it was not you, remove it, change your password and tell an administrator."),
    )


def email_address_removed(reader: Reader) -> Mail:
    """Tell the owner of a former further address that it is former."""
    return Mail(
        reader=reader,
        subject=_("This e-mail address was removed from your account"),
        paragraphs=[_("It neither signs you in nor gets our mails any more.")],
        footnote=_("If it was not you, tell an administrator at once."),
    )


def email_address_removed_for_you(reader: Reader, *, email: str) -> Mail:
    """Tell a person which address an administrator took from the account."""
    return Mail(
        reader=reader,
        subject=_("An e-mail address was removed from your account"),
        paragraphs=[
            _("An administrator removed %(email)s. It neither signs you in nor gets our mails.")
            % {"email": reader.address(email)}
            if reader.is_verified
            else _("An administrator removed an e-mail address from your account."),
        ],
        footnote=_("If you still need it, you can add it again, or ask an administrator why."),
    )


def email_changed(reader: Reader) -> Mail:
    """Tell the owner of a former address that it is former."""
    return Mail(
        reader=reader,
        subject=_("Your e-mail address was changed"),
        paragraphs=[
            _("From now on your account has another e-mail address, and we write to that one."),
        ],
        footnote=_("If it was not you, tell an administrator at once."),
    )
