"""Mailing users: who reads at which address, and in which language."""

from collections.abc import Callable

from django.utils import translation

from core.email.message import Mail
from core.email.words import Reader
from users.accounts.mail_delivery import send_mail
from users.accounts.models import User


def reader_at(user: User, email: str) -> Reader:
    """Return the reader of a mail to an address, by name only if it is the user's, and verified."""
    is_primary = user.email == email and user.email_verified_at is not None
    is_verified = is_primary or user.email_addresses.filter(email=email).exists()
    return Reader(user.get_full_name(), is_verified)


def mail_user(user: User, write: Callable[[Reader], Mail], *, to: str | None = None) -> None:
    """Mail a user, with the profile loaded, in their language: at the primary address or ``to``."""
    email = user.email if to is None else to
    with translation.override(user.profile.locale):
        send_mail(write(reader_at(user, email)), to=email)
