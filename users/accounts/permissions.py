"""Reads of Django's permissions, which users hold directly or through groups."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, OuterRef, QuerySet, TextField, Value, When
from django.db.models.functions import Concat

from engine.sql.keys import equals_any, uuid_array_text
from engine.sql.statements import Param, Statement
from users.accounts.models import User


def permissions_of(user_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return each user's permissions as sorted `app.codename`, in one statement.

    Administrators have all permissions; inactive users have none.
    """
    permissions: dict[UUID, list[str]] = {user_id: [] for user_id in user_ids}
    permissions.update(_effective_permissions().rows({"user_ids": user_ids}))
    return permissions


def held_permissions() -> ArraySubquery:
    """Return an annotation of users: the sorted names that they hold directly or by groups.

    What they may use of these depends on their roles and status; see `permissions_of`.
    """
    holder = OuterRef(OuterRef("pk"))
    direct = User.user_permissions.through.objects.filter(user=holder)
    by_group = Group.permissions.through.objects.filter(group__user=holder)
    held = direct.values("permission").union(by_group.values("permission"))
    return ArraySubquery(_names().filter(pk__in=held))


def _names() -> QuerySet[Permission, Any]:
    app, codename = "content_type__app_label", "codename"
    name = Concat(app, Value("."), codename, output_field=TextField())
    return Permission.objects.order_by(app, codename).values_list(name)


@cache
def _effective_permissions() -> Statement:
    """Compile the statement, as Django would each time in a multiple of PostgreSQL's time.

    PostgreSQL reads what each user holds, by indexes, and all permissions once.
    """
    permissions = Case(
        When(is_superuser=True, then=ArraySubquery(_names())), default=held_permissions()
    )
    keys = Param.named("user_ids").then(lambda ids: uuid_array_text(map(str, ids)))
    users = User.objects.filter(equals_any("pk", keys), is_active=True)
    return Statement.of(users.values_list("pk", permissions))


def permissions_by_name() -> dict[str, Permission]:
    """Return all permissions by `app.codename`."""
    permissions = Permission.objects.select_related("content_type")
    return {f"{each.content_type.app_label}.{each.codename}": each for each in permissions}
