"""Change of the username."""

from uuid import UUID

from django.db import transaction

from core.security.actor import Actor
from users.accounts.models import User
from users.accounts.policy import may_change_credentials, require
from users.accounts.services.create_user import (
    check_identifiers,
    check_username_is_not_reserved,
    save_identifiers,
)
from users.accounts.services.lookup import get_self_for_update
from users.accounts.services.reauthentication import confirm_password
from users.accounts.throttling import count_username
from users.activity.services.record import record
from users.activity.tags import Tag


def change_username(user_id: UUID, *, actor: Actor, username: str, password: str) -> User:
    """Change a user's username with the password; the former one becomes available.

    No-op for the current username. Raises `InputRejectedError`, `TooManyAttemptsError` and the
    policy's errors.
    """
    require(actor, may_change_credentials, user_id)
    username = check_identifiers({"username": username})["username"]
    check_username_is_not_reserved(username)
    confirm_password(user_id, password, actor=actor, field="password")
    count_username(user_id)
    with transaction.atomic(durable=True):
        user = get_self_for_update(user_id)
        old, user.username = user.username, username
        if old == username:
            return user
        save_identifiers(user)
        record(
            Tag.USERNAME_CHANGED,
            actor=actor,
            subject_id=user_id,
            personal={"old": {"username": old}, "new": {"username": username}},
        )
    return user
