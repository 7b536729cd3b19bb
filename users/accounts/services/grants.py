"""What users may do: the groups and permissions that they hold.

Each service locks permissions, then groups, then users, and rows of a table in the order of their
keys. So nothing that is granted can be deleted before the commit, and writers do not deadlock.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Manager

from core.security.actor import Actor
from users.accounts.models import User
from users.accounts.policy import may_administer_groups, require
from users.accounts.services.groups import get_group_for_update, lock_groups
from users.accounts.services.lookup import get_user_for_update
from users.accounts.services.permissions import find_permissions, lock_permissions
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.set_change import SetChange, check_change_size
from users.activity.services.record import record
from users.activity.tags import Tag


@transaction.atomic(durable=True)
def add_to_groups(user_id: UUID | None, *, actor: Actor, group_ids: Sequence[int | None]) -> User:
    """Add a user to groups; those that the user is in already are skipped.

    Raises `InputRejectedError` if there is no such user or group, or for more than `MAX_CHANGES`
    groups, and the policy's errors.
    """
    _require_rights(actor)
    check_change_size(group_ids, field="group_ids")
    change = SetChange(added=lock_groups(group_ids))
    return _write_groups(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def remove_from_groups(
    user_id: UUID | None, *, actor: Actor, group_ids: Sequence[int | None]
) -> User:
    """Remove a user from groups; those that the user is not in are skipped.

    Raises the same errors as `add_to_groups`.
    """
    _require_rights(actor)
    check_change_size(group_ids, field="group_ids")
    change = SetChange(removed=lock_groups(group_ids))
    return _write_groups(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def add_to_group(user_id: UUID, *, actor: Actor, group_id: int) -> User:
    """Add a user to one group, as a bulk action does; raises as `add_to_groups`."""
    _require_rights(actor)
    change = SetChange(added=frozenset({get_group_for_update(group_id).pk}))
    return _write_groups(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def remove_from_group(user_id: UUID, *, actor: Actor, group_id: int) -> User:
    """Remove a user from one group, as a bulk action does; raises as `remove_from_groups`."""
    _require_rights(actor)
    change = SetChange(removed=frozenset({get_group_for_update(group_id).pk}))
    return _write_groups(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def grant_user_permissions(
    user_id: UUID | None, *, actor: Actor, permissions: Sequence[str]
) -> User:
    """Grant a user permissions, given as app.codename; those that the user holds are skipped.

    What the user's groups permit does not count. Raises `InputRejectedError` if there is no such
    user or permission, or for more than `MAX_CHANGES` permissions, and the policy's errors.
    """
    _require_rights(actor)
    check_change_size(permissions, field="permissions")
    change = SetChange(added=lock_permissions(find_permissions(permissions)))
    return _write_permissions(get_user_for_update(user_id), change, actor=actor)


@transaction.atomic(durable=True)
def revoke_user_permissions(
    user_id: UUID | None, *, actor: Actor, permissions: Sequence[str]
) -> User:
    """Revoke permissions of a user's own; those that the user does not hold are skipped.

    Raises the same errors as `grant_user_permissions`.
    """
    _require_rights(actor)
    check_change_size(permissions, field="permissions")
    change = SetChange(removed=lock_permissions(find_permissions(permissions)))
    return _write_permissions(get_user_for_update(user_id), change, actor=actor)


def write_rights(
    user: User, tag: Tag, change: SetChange, *, actor: Actor, held: Manager[Any]
) -> None:
    """Write what a locked user holds, groups or permissions, in the caller's transaction."""
    old, new = change.write(held)
    if old == new:
        return
    User.objects.filter(pk=user.pk).update(authorization_version=F("authorization_version") + 1)
    record(tag, actor=actor, subject_id=user.pk, old=old, new=new)


def _require_rights(actor: Actor) -> None:
    require(actor, may_administer_groups)
    require_recent_authentication(actor)


def _write_groups(user: User, change: SetChange, *, actor: Actor) -> User:
    write_rights(user, Tag.USER_GROUPS_CHANGED, change, actor=actor, held=user.groups)
    return user


def _write_permissions(user: User, change: SetChange, *, actor: Actor) -> User:
    tag = Tag.USER_PERMISSIONS_CHANGED
    write_rights(user, tag, change, actor=actor, held=user.user_permissions)
    return user
