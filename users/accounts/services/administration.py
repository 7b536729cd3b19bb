"""What administrators do to accounts and groups."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from core.actor import Actor
from core.errors import ErrorCode, InputRejectedError, Problem
from users.accounts.models import User
from users.accounts.policy import may_administer, require
from users.accounts.services.creation import check_new_account, insert_user
from users.activity.record import record
from users.activity.tags import Tag

FLAGS = ("is_active", "is_staff", "is_superuser")


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
def set_flags(user_id: UUID, *, actor: Actor, **flags: bool) -> User:
    """Set any of `FLAGS`; unchanged ones write nothing.

    Raises the policy's errors, and `InputRejectedError` if nobody would be left to administer.
    """
    require(actor, may_administer, user_id)
    if not (flags.get("is_active", True) and flags.get("is_superuser", True)):
        _keep_an_administrator_besides(user_id)
    user = User.objects.select_for_update().get(pk=user_id)
    old = {name: getattr(user, name) for name in flags}
    if old == flags:
        return user
    User.objects.filter(pk=user_id).update(
        **flags, authorization_version=F("authorization_version") + 1
    )
    record(Tag.USER_CHANGED, actor=actor, subject_id=user_id, old=old, new=flags)
    return User.objects.get(pk=user_id)


@transaction.atomic(durable=True)
def set_groups(user_id: UUID, *, actor: Actor, groups: Collection[Group]) -> None:
    """Make ``groups`` the person's only groups. Raises the policy's errors."""
    require(actor, may_administer, user_id)
    user = User.objects.select_for_update().get(pk=user_id)
    old, new = _ids(user.groups.all()), _ids(groups)
    if old == new:
        return
    user.groups.set(groups)
    User.objects.filter(pk=user_id).update(authorization_version=F("authorization_version") + 1)
    record(Tag.USER_GROUPS_CHANGED, actor=actor, subject_id=user_id, old=old, new=new)


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
        with transaction.atomic():
            group.save()
    except IntegrityError:
        raise InputRejectedError(
            Problem(ErrorCode.VALUE_INVALID, _("There is a group of this name."), ("name",))
        ) from None
    group.permissions.set(permissions)
    User.objects.filter(groups=group).update(authorization_version=F("authorization_version") + 1)
    record(Tag.GROUP_CHANGED, actor=actor, subject_id=None, group=group.pk, old=old, new=new)


def _keep_an_administrator_besides(user_id: UUID) -> None:
    """Lock the administrators until the end of the transaction; one must be another person.

    Two who take each other's role away at once come here one after the other.
    """
    administrators = User.objects.administrators().order_by("pk").select_for_update()
    if list(administrators.values_list("pk", flat=True)) == [user_id]:
        raise InputRejectedError(
            Problem(
                ErrorCode.VALUE_INVALID,
                _("This is the last administrator. Make somebody else one first."),
                ("is_superuser",),
            )
        )


def _ids(rows: Iterable[Group | Permission]) -> list[int]:
    return sorted(row.pk for row in rows)
