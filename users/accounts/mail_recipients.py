"""Mailing users: the reader, the address and the language."""

from collections.abc import Callable

from django.utils import translation

from core.email.message import Mail
from core.email.words import Reader
from users.accounts.mail_delivery import send_mail
from users.accounts.models import User


def reader_at(user: User, email: str) -> Reader:
    """Return the reader at an address; named only if it is the user's verified address."""
    is_primary = user.email == email and user.email_verified_at is not None
    is_verified = is_primary or user.email_addresses.filter(email=email).exists()
    return Reader(user.get_full_name(), is_verified)


def mail_user(user: User, write: Callable[[Reader], Mail], *, to: str | None = None) -> None:
    """Mail a user in their language, at ``to`` or the primary address.

    Load ``user`` with the profile. Raises the errors of `send_mail`.
    """
    email = user.email if to is None else to
    with translation.override(user.profile.locale):
        send_mail(write(reader_at(user, email)), to=email)
