"""What people may do: the groups and permissions that they hold."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Manager

from core.actor import Actor
from users.accounts.models import User
from users.accounts.policy import may_administer_groups, require
from users.accounts.sensitive import Sensitive
from users.accounts.services.groups import find_group, ids_of
from users.accounts.services.people import locked_user
from users.accounts.services.reauthentication import require_recent_proof
from users.activity.record import record
from users.activity.tags import Tag


@transaction.atomic(durable=True)
def add_to_group(user_id: UUID, *, actor: Actor, group_id: int) -> User:
    """Add a person to a group, whatever else they are in; for a member, nothing happens.

    Raises `InputRejectedError` if there is no such person or group, and the policy's errors.
    """
    return _change_groups(user_id, actor=actor, group_id=group_id, is_member=True)


@transaction.atomic(durable=True)
def remove_from_group(user_id: UUID, *, actor: Actor, group_id: int) -> User:
    """Take a person out of a group; who is not in it stays as they are.

    Raises `InputRejectedError` if there is no such person or group, and the policy's errors.
    """
    return _change_groups(user_id, actor=actor, group_id=group_id, is_member=False)


def _change_groups(user_id: UUID, *, actor: Actor, group_id: int, is_member: bool) -> User:
    require(actor, may_administer_groups, user_id)
    require_recent_proof(actor, Sensitive.UPDATE_USER)
    user = locked_user(user_id)
    group = find_group(group_id)
    others = user.groups.exclude(pk=group.pk)
    new = [*others, group] if is_member else [*others]
    write_rights(user, Tag.USER_GROUPS_CHANGED, actor=actor, held=user.groups, new=new)
    return user


def write_rights(
    user: User, tag: Tag, *, actor: Actor, held: Manager[Any], new: Collection[Any]
) -> None:
    """Write what a locked person holds, groups or permissions, in the caller's transaction."""
    old_ids, new_ids = ids_of(held.all()), ids_of(new)
    if old_ids == new_ids:
        return
    held.set(new)  # type: ignore[attr-defined]
    User.objects.filter(pk=user.pk).update(authorization_version=F("authorization_version") + 1)
    record(tag, actor=actor, subject_id=user.pk, old=old_ids, new=new_ids)
