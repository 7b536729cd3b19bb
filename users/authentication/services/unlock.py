"""Unlocking users after too many failed log-in attempts."""

from uuid import UUID

from django.db import transaction

from core.security.actor import Actor
from users.accounts.models import User
from users.accounts.policy import may_administer, require
from users.accounts.services.lookup import get_user_for_update
from users.activity.services.record import record
from users.activity.tags import Tag
from users.authentication.throttling import unlock


def unlock_user(user_id: UUID | None, *, actor: Actor) -> User:
    """Clear a user's failed log-in attempts, as an administrator.

    Raises the policy's errors, and `InputRejectedError` if there is no such user.
    """
    with transaction.atomic(durable=True):
        require(actor, may_administer)
        user = get_user_for_update(user_id)
        record(Tag.USER_UNLOCKED, actor=actor, subject_id=user.pk)
    # Rate limits must not be changed inside a transaction.
    unlock(user)
    return user
