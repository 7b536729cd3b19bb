"""Grants: the groups and permissions that users hold.

Deadlock order: permissions, then groups, then users, and rows of a table by primary key. The locks
also prevent the deletion of what is granted before the commit.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Manager

from core.security.actor import Actor
from users.accounts.models import User
from users.accounts.services.groups import (
    get_group_for_update,
    lock_groups,
    require_group_access,
)
from users.accounts.services.lookup import get_user_for_update
from users.accounts.services.permissions import find_permissions, lock_permissions
from users.accounts.services.set_change import SetChange, check_change_size
from users.activity.services.record import record
from users.activity.tags import Tag


@transaction.atomic(durable=True)
def add_to_groups(user_id: UUID | None, *, actor: Actor, group_ids: Sequence[int | None]) -> User:
    """Add a user to groups; skip those that the user is a member of.

    Raises `InputRejectedError` if the user or a group does not exist, or for more than
    `MAX_CHANGES` groups, and the policy's errors.
    """
    require_group_access(actor)
    check_change_size(group_ids, field="group_ids")
    change = SetChange(added=lock_groups(group_ids))
    return _write_groups(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def remove_from_groups(
    user_id: UUID | None, *, actor: Actor, group_ids: Sequence[int | None]
) -> User:
    """Remove a user from groups; skip those that the user is not a member of.

    Raises the same errors as `add_to_groups`.
    """
    require_group_access(actor)
    check_change_size(group_ids, field="group_ids")
    change = SetChange(removed=lock_groups(group_ids))
    return _write_groups(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def add_to_group(user_id: UUID, *, actor: Actor, group_id: int) -> User:
    """Add a user to one group, for bulk actions. Raises the errors of `add_to_groups`."""
    require_group_access(actor)
    change = SetChange(added=frozenset({get_group_for_update(group_id).pk}))
    return _write_groups(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def remove_from_group(user_id: UUID, *, actor: Actor, group_id: int) -> User:
    """Remove a user from one group, for bulk actions. Raises the errors of `add_to_groups`."""
    require_group_access(actor)
    change = SetChange(removed=frozenset({get_group_for_update(group_id).pk}))
    return _write_groups(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def grant_user_permissions(
    user_id: UUID | None, *, actor: Actor, permissions: Sequence[str]
) -> User:
    """Grant permissions (`app.codename`) to a user; skip those that the user holds directly.

    Raises `InputRejectedError` if the user or a permission does not exist, or for more than
    `MAX_CHANGES` permissions, and the policy's errors.
    """
    require_group_access(actor)
    check_change_size(permissions, field="permissions")
    change = SetChange(added=lock_permissions(find_permissions(permissions)))
    return _write_permissions(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def revoke_user_permissions(
    user_id: UUID | None, *, actor: Actor, permissions: Sequence[str]
) -> User:
    """Revoke permissions that a user holds directly; skip others.

    Raises the same errors as `grant_user_permissions`.
    """
    require_group_access(actor)
    check_change_size(permissions, field="permissions")
    change = SetChange(removed=lock_permissions(find_permissions(permissions)))
    return _write_permissions(get_user_for_update(user_id), change, actor=actor)


def write_rights(
    user: User, tag: Tag, change: SetChange, *, actor: Actor, held: Manager[Any]
) -> None:
    """Write the groups or permissions of a locked user, in the caller's transaction."""
    old, new = change.write(held)
    if old != new:
        record(tag, actor=actor, subject_id=user.pk, old=old, new=new)


def _write_groups(user: User, change: SetChange, *, actor: Actor) -> User:
    write_rights(user, Tag.USER_GROUPS_CHANGED, change, actor=actor, held=user.groups)
    return user


def _write_permissions(user: User, change: SetChange, *, actor: Actor) -> User:
    tag = Tag.USER_PERMISSIONS_CHANGED
    write_rights(user, tag, change, actor=actor, held=user.user_permissions)
    return user
