"""What administrators do to accounts and groups."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from core.actor import Actor
from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.models import User
from users.accounts.policy import may_administer, may_edit_profile, require
from users.accounts.services.creation import check_new_account, insert_user
from users.accounts.services.profile import check_profile, write_profile
from users.activity.record import record
from users.activity.tags import Tag

FLAGS = ("is_active", "is_staff", "is_superuser")
NOTHING: Mapping[str, Any] = MappingProxyType({})


@transaction.atomic(durable=True)
def create_user(
    *,
    actor: Actor,
    email: str,
    username: str,
    password: str,
    name: str = "",
    **flags: bool,
) -> User:
    """Create a person whose address needs no verification, with any of `FLAGS` set.

    Raises `InputRejectedError` and the policy's errors.
    """
    require(actor, may_administer)
    identity = check_new_account(email=email, username=username, password=password, name=name)
    user = User(email=identity.email, username=identity.username, name=name, **flags)
    user.set_password(password)
    insert_user(user)
    record(Tag.USER_CREATED, actor=actor, subject_id=user.pk)
    return user


@transaction.atomic(durable=True)
def change_user(
    user_id: UUID,
    *,
    actor: Actor,
    profile: Mapping[str, Any] = NOTHING,
    flags: Mapping[str, bool] = NOTHING,
    groups: Collection[Group] | None = None,
) -> None:
    """Change a person's profile as `update_profile` does, any of `FLAGS`, and the groups.

    All of it happens or nothing. What is not given stays; what is given and equal writes
    nothing. Flags and groups are for administrators, even unchanged ones. Raises the policy's
    errors, and `InputRejectedError` for a bad value or if nobody would be left to administer.
    """
    require(actor, may_edit_profile, user_id)
    if flags or groups is not None:
        require(actor, may_administer, user_id)
    check_profile(profile)
    _keep_an_administrator(user_id, flags)
    user = User.objects.select_related("profile").select_for_update(of=("self",)).get(pk=user_id)
    write_profile(user, actor=actor, changes=profile)
    _write_flags(user, actor=actor, flags=flags)
    if groups is not None:
        _write_groups(user, actor=actor, groups=groups)


@transaction.atomic(durable=True)
def save_group(
    group: Group, *, actor: Actor, name: str, permissions: Collection[Permission]
) -> None:
    """Create or change a group; its members' permissions change with it.

    Raises `InputRejectedError` if the name is taken, and the policy's errors.
    """
    require(actor, may_administer)
    old: dict[str, Any] = {}
    if group.pk is not None:
        current = Group.objects.select_for_update().get(pk=group.pk)
        old = {"name": current.name, "permissions": _ids(current.permissions.all())}
    new = {"name": name, "permissions": _ids(permissions)}
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
    User.objects.filter(groups=group).update(authorization_version=F("authorization_version") + 1)
    record(Tag.GROUP_CHANGED, actor=actor, subject_id=None, group=group.pk, old=old, new=new)


def _keep_an_administrator(user_id: UUID, flags: Mapping[str, bool]) -> None:
    """Refuse flags that leave nobody to administer.

    Flags that may take the role away lock the administrators until the end of the transaction:
    two who take each other's role away at once come here one after the other.
    """
    if flags.get("is_active", True) and flags.get("is_superuser", True):
        return
    administrators = User.objects.administrators().order_by("pk").select_for_update()
    if list(administrators.values_list("pk", flat=True)) == [user_id]:
        raise InputRejectedError(
            Problem(
                ErrorCode.VALUE_INVALID,
                _("This is the last administrator. Make somebody else one first."),
                ("is_superuser",),
            )
        )


def _write_flags(user: User, *, actor: Actor, flags: Mapping[str, bool]) -> None:
    """Write checked flags to a locked person, in the caller's transaction."""
    old, new = {name: getattr(user, name) for name in flags}, dict(flags)
    if old == new:
        return
    User.objects.filter(pk=user.pk).update(
        **new, authorization_version=F("authorization_version") + 1
    )
    record(Tag.USER_CHANGED, actor=actor, subject_id=user.pk, old=old, new=new)


def _write_groups(user: User, *, actor: Actor, groups: Collection[Group]) -> None:
    """Write the groups of a locked person, in the caller's transaction."""
    old, new = _ids(user.groups.all()), _ids(groups)
    if old == new:
        return
    user.groups.set(groups)
    User.objects.filter(pk=user.pk).update(authorization_version=F("authorization_version") + 1)
    record(Tag.USER_GROUPS_CHANGED, actor=actor, subject_id=user.pk, old=old, new=new)


def _ids(rows: Iterable[Group | Permission]) -> list[int]:
    return sorted(row.pk for row in rows)
