"""Custom permissions, stored in Django's table and granted to groups and users."""

import re
from collections.abc import Collection
from typing import Final

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core.errors import GenericErrorCode, InputRejectedError, Problem
from core.security.actor import Actor
from users.accounts.permissions import permissions_by_name
from users.accounts.policy import may_administer_groups, require
from users.accounts.services.reauthentication import require_recent_authentication
from users.accounts.services.validation import Problems, check_field
from users.activity.services.record import record
from users.activity.tags import Tag

NAME: Final = re.compile(r"([a-z][a-z0-9_]{0,99})\.([a-z][a-z0-9_]{0,99})")
# Django requires a content type for each permission; no model has this name.
MODEL: Final = "custom"


@transaction.atomic(durable=True)
def create_permission(name: str, *, actor: Actor, description: str) -> Permission:
    """Create a custom permission, named `app.codename`, for other applications to check.

    Raises `InputRejectedError` if the name is malformed, taken, or has the label of a built-in app,
    and the policy's errors.
    """
    require(actor, may_administer_groups)
    require_recent_authentication(actor)
    match = NAME.fullmatch(name)
    if match is None or match[1] in {app.label for app in apps.get_app_configs()}:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.VALUE_INVALID,
                _("Choose a name of your own application, such as billing.view_invoice."),
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
                GenericErrorCode.VALUE_INVALID,
                _("A permission with this name already exists."),
                ("name",),
            )
        ) from None
    new = {"name": name, "description": description}
    record(Tag.PERMISSION_CHANGED, actor=actor, subject_id=None, old={}, new=new)
    return permission


@transaction.atomic(durable=True)
def describe_permission(name: str, *, actor: Actor, description: str) -> Permission:
    """Change the description of a custom permission.

    Raises `InputRejectedError` if it does not exist, and the policy's errors.
    """
    require(actor, may_administer_groups)
    permission = _get_custom_permission(name)
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
    """Delete a custom permission, and so revoke it from groups and users.

    Raises `InputRejectedError` if it does not exist, and the policy's errors.
    """
    require(actor, may_administer_groups)
    require_recent_authentication(actor)
    permission = _get_custom_permission(name)
    old = {"name": name, "description": permission.name}
    permission.delete()
    record(Tag.PERMISSION_DELETED, actor=actor, subject_id=None, old=old)


def find_permissions(names: Collection[str]) -> list[int]:
    """Return the distinct primary keys of the named permissions.

    Raises `InputRejectedError` about ``permissions`` if one of them does not exist.
    """
    known = permissions_by_name()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("These permissions do not exist: %(names)s.")
                % {"names": ", ".join(unknown[:10])},
                ("permissions",),
            )
        )
    return [known[name].pk for name in dict.fromkeys(names)]


def lock_permissions(keys: Collection[int]) -> frozenset[int]:
    """Lock permissions by primary key, so that none is deleted before the commit.

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


def _get_custom_permission(name: str) -> Permission:
    app, _dot, codename = name.partition(".")
    permissions = Permission.objects.filter(
        content_type__app_label=app, content_type__model=MODEL, codename=codename
    )
    locked = permissions.select_for_update(of=("self",))
    permission = locked.first() if "\0" not in name else None
    if permission is None:
        raise InputRejectedError(
            Problem(
                GenericErrorCode.NOT_FOUND,
                _("No custom permission has this name."),
                ("name",),
            )
        )
    return permission
