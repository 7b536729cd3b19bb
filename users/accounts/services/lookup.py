"""Lookup of the user that a service acts on."""

from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem, UnauthenticatedError
from core.security.actor import Actor
from users.accounts.models import User


def get_user_for_update(user_id: UUID | None) -> User:
    """Return the user, locked for update.

    Raises `InputRejectedError` if the user does not exist or was erased.
    """
    user = _get_for_update(user_id, erased_at=None)
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
    user = _get_for_update(user_id, is_active=True)
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
    user.authorization_version += 1
    user.save(update_fields=["is_active", "authorization_version"])


def _get_for_update(user_id: UUID | None, **conditions: object) -> User | None:
    """Return the locked user without joins: after a wait, joined rows would be stale."""
    users = User.objects.select_for_update()
    return users.filter(pk=user_id, **conditions).first() if user_id else None
