"""Notices of a sign-up to the owner of its address, by the account's state."""

from collections.abc import Callable
from typing import Final

from core.email.message import Mail
from core.email.words import Reader
from users.accounts import mails
from users.accounts.models import User

Notice = Callable[[Reader], Mail]
InactiveState = Callable[[User], Notice | None]

_inactive_states: Final[list[InactiveState]] = []


def register_inactive_state(state: InactiveState) -> InactiveState:
    """Register the decorated function, which returns the notice if an inactive user is in it."""
    _inactive_states.append(state)
    return state


def sign_up_notice(owner: User) -> Notice:
    """Return the text about a sign-up with the address of an account."""
    if owner.is_active:
        return mails.sign_up_with_known_email
    notices = (state(owner) for state in _inactive_states)
    return next(filter(None, notices), mails.sign_up_with_inactive_email)
