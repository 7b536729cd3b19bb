"""What the mails about accounts say; call under the reader's language."""

from django.utils.translation import gettext as _

from core.mail import Mail
from users.accounts.identifiers import readable_email


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


def invitation(*, name: str, url: str) -> Mail:
    """Offer an account."""
    return Mail(
        subject=_("You are invited"),
        greeting=_("Hello %(name)s,") % {"name": name} if name else _("Hello,"),
        paragraphs=[
            _("An administrator offers you an account. Choose a username and a password for it."),
        ],
        action=_("Create my account"),
        action_url=url,
        footnote=_("The link works once and for 7 days. If you want no account, ignore this mail."),
    )


def confirm_email_change(*, name: str, url: str) -> Mail:
    """Ask the owner of a new address to confirm it."""
    return Mail(
        subject=_("Confirm your new e-mail address"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[_("You asked for this address in place of your former one.")],
        action=_("Confirm my address"),
        action_url=url,
        footnote=_(
            "The link works once and for 24 hours. If you asked for nothing, ignore this mail: "
            "nothing changes."
        ),
    )


def change_to_known_email(*, name: str) -> Mail:
    """Tell the owner of an account that somebody wanted its address for another account."""
    return Mail(
        subject=_("You already have an account"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[
            _("Somebody, perhaps you, wanted this e-mail address for another account."),
            _("An address belongs to one account only, so nothing was changed."),
        ],
        footnote=_("If it was not you, there is nothing to do: your account is unchanged."),
    )


def confirm_email_address(*, name: str, url: str) -> Mail:
    """Ask the owner of a further address to confirm it."""
    return Mail(
        subject=_("Confirm your e-mail address"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[_("You asked for this address to be another one of your account.")],
        action=_("Confirm my address"),
        action_url=url,
        footnote=_(
            "The link works once and for 24 hours. If you asked for nothing, ignore this mail: "
            "nothing changes."
        ),
    )


def email_address_added(*, name: str) -> Mail:
    """Tell the owner of an account that it has one more address."""
    return Mail(
        subject=_("An e-mail address was added to your account"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[
            _("Whoever reads the new address can sign in with it and choose a new password."),
        ],
        footnote=_("If it was not you, remove it, change your password and tell an administrator."),
    )


def email_address_removed(*, name: str) -> Mail:
    """Tell the owner of a former further address that it is former."""
    return Mail(
        subject=_("This e-mail address was removed from your account"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[_("It neither signs you in nor gets our mails any more.")],
        footnote=_("If it was not you, tell an administrator at once."),
    )


def email_address_removed_for_you(*, name: str, email: str) -> Mail:
    """Tell a person which address an administrator took from the account."""
    return Mail(
        subject=_("An e-mail address was removed from your account"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[
            _("An administrator removed %(email)s. It neither signs you in nor gets our mails.")
            % {"email": readable_email(email)},
        ],
        footnote=_("If you still need it, you can add it again, or ask an administrator why."),
    )


def email_changed(*, name: str) -> Mail:
    """Tell the owner of a former address that it is former."""
    return Mail(
        subject=_("Your e-mail address was changed"),
        greeting=_("Hello %(name)s,") % {"name": name},
        paragraphs=[
            _("From now on your account has another e-mail address, and we write to that one."),
        ],
        footnote=_("If it was not you, tell an administrator at once."),
    )
