"""Groups and their permissions."""

from collections.abc import Collection, Sequence
from typing import Final

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.policy import may_administer_groups, require
from users.accounts.services.permissions import find_permissions, lock_permissions
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.set_change import SetChange, check_change_size
from users.accounts.services.validation import require_name
from users.activity.services.record import record
from users.activity.tags import Tag

UNCHANGED: Final = SetChange()


@transaction.atomic(durable=True)
def create_group(*, actor: Actor, name: str, permissions: Collection[int] = ()) -> Group:
    """Create a group; ``permissions`` are primary keys.

    Raises `InputRejectedError` if the name is taken or empty, or a permission does not exist, and
    the policy's errors.
    """
    require_group_access(actor)
    name = require_name(Group, name)
    keys = lock_permissions(permissions)
    group = Group(name=name)
    _save_name(group)
    group.permissions.set(keys)
    new = {"name": name, "permissions": sorted(keys)}
    record(Tag.GROUP_CHANGED, actor=actor, subject_id=None, group=group.pk, old={}, new=new)
    return group


@transaction.atomic(durable=True)
def update_group(
    group_id: int | None,
    *,
    actor: Actor,
    name: str | None = None,
    permissions: SetChange = UNCHANGED,
) -> Group:
    """Change a group's name, its permissions, or both.

    Missing values are unchanged; an unchanged group records no event. Raises `InputRejectedError`
    if the name is taken or empty, or if the group or a permission does not exist, and the policy's
    errors.
    """
    require_group_access(actor)
    if name is not None:
        name = require_name(Group, name)
    return _change_group(group_id, permissions, actor=actor, name=name)


@transaction.atomic(durable=True)
def grant_group_permissions(
    group_id: int | None, *, actor: Actor, permissions: Sequence[str]
) -> Group:
    """Grant permissions (`app.codename`) to a group; skip those that it has.

    Raises `InputRejectedError` if the group or a permission does not exist, or for more than
    `MAX_CHANGES` permissions, and the policy's errors.
    """
    require_group_access(actor)
    check_change_size(permissions, field="permissions")
    change = SetChange(added=frozenset(find_permissions(permissions)))
    return _change_group(group_id, change, actor=actor)


@transaction.atomic(durable=True)
def revoke_group_permissions(
    group_id: int | None, *, actor: Actor, permissions: Sequence[str]
) -> Group:
    """Revoke permissions of a group; skip those that it does not have.

    Raises the same errors as `grant_group_permissions`.
    """
    require_group_access(actor)
    check_change_size(permissions, field="permissions")
    change = SetChange(removed=frozenset(find_permissions(permissions)))
    return _change_group(group_id, change, actor=actor)


@transaction.atomic(durable=True)
def delete_group(group_id: int, *, actor: Actor) -> None:
    """Delete a group, and so revoke its permissions from its members.

    Raises `InputRejectedError` if the group does not exist, and the policy's errors.
    """
    require_group_access(actor)
    group = get_group_for_update(group_id)
    old = {"name": group.name, "permissions": _permissions_of(group)}
    group.delete()
    record(Tag.GROUP_DELETED, actor=actor, subject_id=None, group=group_id, old=old)


def lock_groups(group_ids: Collection[int | None]) -> frozenset[int]:
    """Lock groups by primary key, so that none is deleted before the commit.

    Raises `InputRejectedError` about ``group_ids`` if one of them does not exist.
    """
    keys = frozenset(group_id for group_id in group_ids if group_id is not None)
    groups = Group.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True)
    locked = frozenset(groups.values_list("pk", flat=True))
    if not locked >= frozenset(group_ids):
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND, _("One of these groups does not exist."), ("group_ids",)
            )
        )
    return locked


def find_group(group_id: int | None) -> Group:
    """Return a group. Raises `InputRejectedError` about ``group_id`` if it does not exist."""
    return _get_group(Group.objects.all(), group_id)


def get_group_for_update(group_id: int | None) -> Group:
    """Return a group, locked for update; raises as `find_group`."""
    return _get_group(Group.objects.select_for_update(), group_id)


def require_group_access(actor: Actor) -> None:
    """Raise the policy's errors unless the actor may change groups and permissions."""
    require(actor, may_administer_groups)
    require_recent_authentication(actor)


def _change_group(
    group_id: int | None, permissions: SetChange, *, actor: Actor, name: str | None = None
) -> Group:
    lock_permissions(permissions.referenced)
    group = get_group_for_update(group_id)
    old_name = group.name
    if name is not None and name != old_name:
        group.name = name
        _save_name(group)
    old_permissions, new_permissions = permissions.write(group.permissions)
    old = {"name": old_name, "permissions": old_permissions}
    new = {"name": group.name, "permissions": new_permissions}
    if old != new:
        record(Tag.GROUP_CHANGED, actor=actor, subject_id=None, group=group.pk, old=old, new=new)
    return group


def _save_name(group: Group) -> None:
    """Save a group. `accounts/0028_group_names_case` keeps names apart that read alike."""
    try:
        group.save()
    except IntegrityError:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("A group with this name already exists."),
                ("name",),
            )
        ) from None


def _permissions_of(group: Group) -> list[int]:
    return list(group.permissions.order_by("pk").values_list("pk", flat=True))


def _get_group(groups: QuerySet[Group], group_id: int | None) -> Group:
    group = groups.filter(pk=group_id).first() if group_id is not None else None
    if group is None:
        raise InputRejectedError(
            Problem(GenericErrorCode.NOT_FOUND, _("This group does not exist."), ("group_id",))
        )
    return group
