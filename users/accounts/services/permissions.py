"""Permissions of an organisation's own, on Django's table, for groups and people to be given."""

import re
from collections.abc import Collection
from typing import Final

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.models import User
from users.accounts.permissions import permissions_by_name
from users.accounts.policy import may_administer_groups, require
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.validation import Problems, check_field
from users.activity.services.record import record
from users.activity.tags import Tag

NAME: Final = re.compile(r"([a-z][a-z0-9_]{0,99})\.([a-z][a-z0-9_]{0,99})")
# Of the content types that Django hangs permissions on; no model is called so.
MODEL: Final = "custom"


@transaction.atomic(durable=True)
def create_permission(name: str, *, actor: Actor, description: str) -> Permission:
    """Add a permission, called `app.codename`, that this service gives and others ask for.

    Raises `InputRejectedError` if the name is malformed, taken, or of one of our own apps, and
    the policy's errors.
    """
    require(actor, may_administer_groups)
    require_recent_authentication(actor)
    match = NAME.fullmatch(name)
    if match is None or match[1] in {app.label for app in apps.get_app_configs()}:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Choose a name such as billing.view_invoice, of an application of your own."),
                ("name",),
            )
        )
    _check_description(description)
    app, codename = match.groups()
    content_type, _created = ContentType.objects.get_or_create(app_label=app, model=MODEL)
    try:
        permission = Permission.objects.create(
            content_type=content_type, codename=codename, name=description
        )
    except IntegrityError:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID, _("There is a permission of this name."), ("name",)
            )
        ) from None
    _outdate(permission)
    new = {"name": name, "description": description}
    record(Tag.PERMISSION_CHANGED, actor=actor, subject_id=None, old={}, new=new)
    return permission


@transaction.atomic(durable=True)
def describe_permission(name: str, *, actor: Actor, description: str) -> Permission:
    """Change what a permission of the organisation's own is said to allow.

    Raises `InputRejectedError` if there is none of this name, and the policy's errors.
    """
    require(actor, may_administer_groups)
    permission = _own_permission(name)
    _check_description(description)
    if permission.name != description:
        old = {"name": name, "description": permission.name}
        permission.name = description
        permission.save(update_fields=["name"])
        new = {"name": name, "description": description}
        record(Tag.PERMISSION_CHANGED, actor=actor, subject_id=None, old=old, new=new)
    return permission


@transaction.atomic(durable=True)
def delete_permission(name: str, *, actor: Actor) -> None:
    """Delete a permission of the organisation's own; whoever had it has it no more.

    Raises `InputRejectedError` if there is none of this name, and the policy's errors.
    """
    require(actor, may_administer_groups)
    require_recent_authentication(actor)
    permission = _own_permission(name)
    _outdate(permission)
    old = {"name": name, "description": permission.name}
    permission.delete()
    record(Tag.PERMISSION_DELETED, actor=actor, subject_id=None, old=old)


def find_permissions(names: Collection[str]) -> list[int]:
    """Return the primary keys of the permissions of these names, once each.

    Raises `InputRejectedError` about ``permissions`` if one of them does not exist.
    """
    known = permissions_by_name()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("These do not exist: %(names)s.") % {"names": ", ".join(unknown[:10])},
                ("permissions",),
            )
        )
    return [known[name].pk for name in dict.fromkeys(names)]


def lock_permissions(keys: Collection[int]) -> frozenset[int]:
    """Lock permissions, in the order of their keys, so that none is deleted before the commit.

    Raises `InputRejectedError` about ``permissions`` if one of them does not exist.
    """
    permissions = Permission.objects.filter(pk__in=keys).order_by("pk")
    locked = frozenset(permissions.select_for_update(no_key=True).values_list("pk", flat=True))
    if not locked >= frozenset(keys):
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("One of these permissions does not exist."),
                ("permissions",),
            )
        )
    return locked


def _check_description(description: str) -> None:
    problems = Problems()
    with problems.of("description", GenericErrorCode.VALUE_INVALID):
        check_field(Permission, "name", description)
    problems.refuse_any()


def _own_permission(name: str) -> Permission:
    app, _dot, codename = name.partition(".")
    own = Permission.objects.filter(
        content_type__app_label=app, content_type__model=MODEL, codename=codename
    )
    permission = own.select_for_update(of=("self",)).first() if "\0" not in name else None
    if permission is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("There is no permission of this name to change."),
                ("name",),
            )
        )
    return permission


def _outdate(permission: Permission) -> None:
    """Have nobody read again what is cached of the holders' permissions.

    Administrators hold all there are.
    """
    holders = Q(is_superuser=True) | Q(user_permissions=permission)
    held_by = User.objects.filter(holders | Q(groups__permissions=permission))
    User.objects.filter(pk__in=held_by.values("pk")).update(
        authorization_version=F("authorization_version") + 1
    )
