"""Groups, and what their members may do."""

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from core.actor import Actor
from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.models import User
from users.accounts.policy import may_administer_groups, require
from users.accounts.sensitive import Sensitive
from users.accounts.services.reauthentication import require_recent_proof
from users.accounts.services.validation import Problems, check_field
from users.activity.record import record
from users.activity.tags import Tag


@transaction.atomic(durable=True)
def save_group(
    group: Group, *, actor: Actor, name: str, permissions: Collection[Permission]
) -> None:
    """Create or change a group; its members' permissions change with it.

    Raises `InputRejectedError` if the name is taken or none, or if the group was deleted, and
    the policy's errors.
    """
    require(actor, may_administer_groups)
    operation = Sensitive.CREATE_GROUP if group.pk is None else Sensitive.UPDATE_GROUP
    require_recent_proof(actor, operation)
    problems = Problems()
    with problems.of("name", ErrorCode.VALUE_INVALID):
        check_field(Group, "name", name)
    problems.refuse_any()
    old: dict[str, Any] = {}
    if group.pk is not None:
        current = _locked(group.pk)
        old = {"name": current.name, "permissions": ids_of(current.permissions.all())}
    new = {"name": name, "permissions": ids_of(permissions)}
    if old == new:
        return
    group.name = name
    try:
        group.save()
    except IntegrityError:
        raise InputRejectedError(
            Problem(ErrorCode.VALUE_INVALID, _("There is a group of this name."), ("name",))
        ) from None
    group.permissions.set(permissions)
    _outdate_permissions(group)
    record(Tag.GROUP_CHANGED, actor=actor, subject_id=None, group=group.pk, old=old, new=new)


@transaction.atomic(durable=True)
def delete_group(group_id: int, *, actor: Actor) -> None:
    """Delete a group; its members lose what it permitted.

    Raises `InputRejectedError` if there is no such group, and the policy's errors.
    """
    require(actor, may_administer_groups)
    require_recent_proof(actor, Sensitive.DELETE_GROUP)
    group = _locked(group_id)
    _outdate_permissions(group)
    old = {"name": group.name, "permissions": ids_of(group.permissions.all())}
    group.delete()
    record(Tag.GROUP_DELETED, actor=actor, subject_id=None, group=group_id, old=old)


def find_groups(group_ids: Collection[int | None]) -> list[Group]:
    """Return the groups of these ids, once each.

    Raises `InputRejectedError` about ``group_ids`` if one of them does not exist.
    """
    found = Group.objects.in_bulk([group_id for group_id in group_ids if group_id is not None])
    if not found.keys() >= set(group_ids):
        raise InputRejectedError(
            Problem(ErrorCode.NOT_FOUND, _("One of these groups does not exist."), ("group_ids",))
        )
    return list(found.values())


def find_group(group_id: int | None) -> Group:
    """Return the group. Raises `InputRejectedError` about ``group_id`` if there is none."""
    return _of(Group.objects.all(), group_id)


def ids_of(rows: Iterable[Group | Permission]) -> list[int]:
    """Return what an event tells of groups or permissions."""
    return sorted(row.pk for row in rows)


def _locked(group_id: int) -> Group:
    return _of(Group.objects.select_for_update(), group_id)


def _of(groups: QuerySet[Group], group_id: int | None) -> Group:
    group = groups.filter(pk=group_id).first() if group_id is not None else None
    if group is None:
        raise InputRejectedError(
            Problem(ErrorCode.NOT_FOUND, _("There is no such group."), ("group_id",))
        )
    return group


def _outdate_permissions(group: Group) -> None:
    """Have nobody read again what is cached of the members' permissions."""
    User.objects.filter(groups=group).update(authorization_version=F("authorization_version") + 1)
