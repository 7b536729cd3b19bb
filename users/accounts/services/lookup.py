"""Finding the person a service is about."""

from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem, UnauthenticatedError
from core.security.actor import Actor
from users.accounts.models import User


def get_user_for_update(user_id: UUID | None) -> User:
    """Return the person, locked until the caller's transaction ends.

    Raises `InputRejectedError` if there is none, or none any more.
    """
    user = _get_for_update(user_id, erased_at=None)
    if user is None:
        raise InputRejectedError(
            Problem(GenericErrorCode.NOT_FOUND, _("There is no such person."), ("user_id",))
        )
    return user


def get_self_for_update(user_id: UUID | None) -> User:
    """Return the same of somebody who acts for themselves, as whom they may still sign in.

    Whoever shuts an account at the same moment, by a suspension or a deletion, does so before, and
    it is seen here, or after, and ends what is written now with all the rest. Raises
    `UnauthenticatedError`, which is what the next request is told.
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
    """Shut a locked person's account, or open it again, in the caller's transaction."""
    user.is_active = active
    user.authorization_version += 1
    user.save(update_fields=["is_active", "authorization_version"])


def _get_for_update(user_id: UUID | None, **conditions: object) -> User | None:
    """Lock the person alone: what was joined would be as it was before others were waited for."""
    people = User.objects.select_for_update()
    return people.filter(pk=user_id, **conditions).first() if user_id else None
