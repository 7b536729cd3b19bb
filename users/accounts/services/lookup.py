"""Lookup of the user that a service acts on."""

import hmac
from string import ascii_lowercase
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.database.rows import PreparedQuery, update
from core.errors import GenericErrorCode, InputRejectedError, Problem, UnauthenticatedError
from core.security.actor import Actor
from core.security.crypto import derive_key
from users.accounts.identifiers import canonical_login
from users.accounts.models import User

# Enough to select a point among millions of addresses.
POINT_LETTERS: Final = 8


def get_by_login(login: str) -> User | None:
    """Return the user with this e-mail address or username, in any spelling."""
    identifier = canonical_login(login)
    lookup = _user_with_address if "@" in identifier else _user_with_username
    return lookup.first(identifier)


def get_decoy(login: str) -> User | None:
    """Return another user, whose password's hash an unknown login verifies.

    Imported hashes take longer than ours until they are replaced. So that unknown logins take
    longer as often as existing ones, each has a decoy: the user next to a point among the addresses
    that a keyed digest of the login selects. It stays the same for repeated attempts.
    """
    key = derive_key("decoy", settings.SECRET_KEY)
    point = hmac.digest(key, canonical_login(login).encode(), "sha256")[:POINT_LETTERS]
    return _next_user.first("".join(ascii_lowercase[byte % len(ascii_lowercase)] for byte in point))


def get_user_for_update(user_id: UUID | None) -> User:
    """Return the user, locked for update.

    Raises `InputRejectedError` if the user does not exist or was erased.
    """
    user = _existing_user_for_update.first(user_id) if user_id else None
    if user is None:
        raise InputRejectedError(
            Problem(GenericErrorCode.NOT_FOUND, _("This user does not exist."), ("user_id",))
        )
    return user


def get_self_for_update(user_id: UUID | None) -> User:
    """Return the actor's own active user, locked for update.

    The lock serialises with a concurrent suspension or deletion: either it is visible here, or it
    follows and ends what this transaction writes. Raises `UnauthenticatedError`, as the actor's
    next request does.
    """
    user = _active_user_for_update.first(user_id) if user_id else None
    if user is None:
        raise UnauthenticatedError
    return user


def get_target_for_update(user_id: UUID | None, *, actor: Actor) -> User:
    """Return the target user, locked for update: the actor, or any other user."""
    is_self = user_id is not None and user_id == actor.user_id
    return get_self_for_update(user_id) if is_self else get_user_for_update(user_id)


def set_active(user: User, *, active: bool) -> None:
    """Activate or deactivate a locked user, in the caller's transaction."""
    user.is_active = active
    update(user, ["is_active"])


@PreparedQuery
def _user_with_address(email: Any) -> QuerySet[User]:
    return User.objects.with_address(email)


@PreparedQuery
def _next_user(email: Any) -> QuerySet[User]:
    return User.objects.filter(email__gte=email).order_by("email")[:1]


@PreparedQuery
def _user_with_username(username: Any) -> QuerySet[User]:
    return User.objects.filter(username=username)


# Without joins: after a wait, joined rows would be stale.


@PreparedQuery
def _existing_user_for_update(user_id: Any) -> QuerySet[User]:
    return User.objects.select_for_update().filter(pk=user_id, erased_at=None)


@PreparedQuery
def _active_user_for_update(user_id: Any) -> QuerySet[User]:
    return User.objects.select_for_update().filter(pk=user_id, is_active=True)
