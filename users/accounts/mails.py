"""Texts of the mails about accounts. Call under the reader's language.

Text that users entered passes through the reader, which may withhold it (`core.email.words`).
"""

from django.conf import settings
from django.utils.translation import gettext as _

from core.email.message import Mail
from core.email.words import Reader


def verify_email(reader: Reader, *, url: str) -> Mail:
    """Ask the owner of an address to confirm a sign-up."""
    return Mail(
        reader=reader,
        subject=_("Confirm your e-mail address"),
        is_awaited=True,
        paragraphs=[
            _(
                "To finish your sign-up for %(service)s, confirm this e-mail address with your "
                "password."
            )
            % {"service": settings.SERVICE_NAME},
        ],
        action=_("Confirm my address"),
        action_url=url,
        footnote=_(
            "The link is single-use and expires after 24 hours. If you did not sign up, ignore "
            "this mail: no account is created. If you want an account anyway, choose a new "
            "password on that page, so that only you know it."
        ),
    )


def sign_up_with_known_email(reader: Reader) -> Mail:
    """Notify the owner of an account of a sign-up with its address."""
    return Mail(
        reader=reader,
        subject=_("You already have an account"),
        is_awaited=True,
        paragraphs=[
            _("We received a sign-up with this e-mail address."),
            _("You already have an account, so no new one was created. Sign in to it."),
        ],
        footnote=_("If this was not you, you need not do anything: your account is unchanged."),
    )


def sign_up_with_inactive_email(reader: Reader) -> Mail:
    """Notify the owner of a deactivated account of a sign-up with its address."""
    return Mail(
        reader=reader,
        subject=_("Your account is deactivated"),
        is_awaited=True,
        paragraphs=[
            _("We received a sign-up with this e-mail address."),
            _(
                "It belongs to an account that is deactivated. You cannot sign in to it, and no "
                "new account was created. Contact an administrator."
            ),
        ],
        footnote=_("If this was not you, you need not do anything: your account is unchanged."),
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
        footnote=_(
            "The link is single-use and expires after 7 days. If you do not want an account, "
            "ignore this mail."
        ),
    )


def confirm_email_change(reader: Reader, *, url: str) -> Mail:
    """Ask the owner of a new address to confirm it."""
    return Mail(
        reader=reader,
        subject=_("Confirm your new e-mail address"),
        is_awaited=True,
        paragraphs=[
            _("Confirm that this is the new address of your %(service)s account.")
            % {"service": settings.SERVICE_NAME},
            _("Open the link where you are signed in, or enter your account's password."),
        ],
        action=_("Confirm my address"),
        action_url=url,
        footnote=_(
            "The link is single-use and expires after 24 hours. If you did not ask for this, "
            "ignore this mail: nothing changes."
        ),
    )


def change_to_known_email(reader: Reader) -> Mail:
    """Notify the owner of an account that another account requested its address."""
    return Mail(
        reader=reader,
        subject=_("You already have an account"),
        is_awaited=True,
        paragraphs=[
            _("Another account asked to use this e-mail address."),
            _("An address can belong to one account only, so nothing was changed."),
        ],
        footnote=_("If this was not you, you need not do anything: your account is unchanged."),
    )


def confirm_email_address(reader: Reader, *, url: str) -> Mail:
    """Ask the owner of a secondary address to confirm it."""
    return Mail(
        reader=reader,
        subject=_("Confirm your e-mail address"),
        is_awaited=True,
        paragraphs=[
            _("Confirm that you want to add this address to your %(service)s account.")
            % {"service": settings.SERVICE_NAME},
            _("Open the link where you are signed in, or enter your account's password."),
        ],
        action=_("Confirm my address"),
        action_url=url,
        footnote=_(
            "The link is single-use and expires after 24 hours. If you did not ask for this, "
            "ignore this mail: nothing changes."
        ),
    )


def email_address_added(reader: Reader) -> Mail:
    """Notify the owner of an account of a new secondary address."""
    return Mail(
        reader=reader,
        subject=_("An e-mail address was added to your account"),
        paragraphs=[
            _("The new address can be used to sign in and to choose a new password."),
        ],
        footnote=_(
            "If this was not you, remove the address, change your password and contact an "
            "administrator."
        ),
    )


def email_address_removed(reader: Reader) -> Mail:
    """Notify a removed secondary address."""
    return Mail(
        reader=reader,
        subject=_("This e-mail address was removed from your account"),
        paragraphs=[_("You can no longer sign in with it, and we no longer send mail to it.")],
        footnote=_("If this was not you, contact an administrator immediately."),
    )


def email_address_removed_by_administrator(reader: Reader, *, email: str) -> Mail:
    """Notify a user of an address that an administrator removed."""
    return Mail(
        reader=reader,
        subject=_("An e-mail address was removed from your account"),
        paragraphs=[
            _(
                "An administrator removed %(email)s. You can no longer sign in with it, and we no "
                "longer send mail to it."
            )
            % {"email": reader.address(email)}
            if reader.is_verified
            else _("An administrator removed an e-mail address from your account."),
        ],
        footnote=_("If you still need it, add it again or ask an administrator for the reason."),
    )


def email_changed(reader: Reader, *, url: str = "", day: str = "") -> Mail:
    """Notify the former primary address of an account; by ``url`` it can undo the change."""
    return Mail(
        reader=reader,
        subject=_("Your e-mail address was changed"),
        paragraphs=[
            _("Your account now has another e-mail address. We will write to that address."),
            *(
                [
                    _(
                        "If this was not you, undo the change until %(day)s. All devices are then "
                        "signed out, and you choose a new password."
                    )
                    % {"day": day}
                ]
                if url
                else []
            ),
        ],
        action=_("Undo the change") if url else "",
        action_url=url,
        footnote=_("If this was not you, contact an administrator immediately."),
    )
