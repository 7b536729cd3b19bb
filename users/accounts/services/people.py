"""Finding the person a service is about."""

from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.models import User


def locked_user(user_id: UUID | None) -> User:
    """Return the person with the profile, locked until the caller's transaction ends.

    Raises `InputRejectedError` if there is none, or none any more.
    """
    people = User.objects.select_related("profile").select_for_update(of=("self",))
    user = people.filter(pk=user_id, erased_at=None).first() if user_id else None
    if user is None:
        raise InputRejectedError(
            Problem(ErrorCode.NOT_FOUND, _("There is no such person."), ("user_id",))
        )
    return user
