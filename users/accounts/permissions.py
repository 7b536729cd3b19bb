"""Reads of Django's permissions, which users hold directly or through groups."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib.auth.models import Permission
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q

from users.accounts.models import User


def permissions_of(user_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return each user's permissions as sorted `app.codename`, in one statement.

    Administrators have all permissions; inactive users have none.
    """
    holders = User.objects.filter(
        Q(is_superuser=True)
        | Q(user_permissions=OuterRef("pk"))
        | Q(groups__permissions=OuterRef("pk")),
        pk__in=user_ids,
        is_active=True,
    )
    rows = (
        Permission.objects.annotate(holders=ArraySubquery(holders.values("pk").distinct()))
        .order_by("content_type__app_label", "codename")
        .values_list("content_type__app_label", "codename", "holders")
    )
    permissions: dict[UUID, list[str]] = {user_id: [] for user_id in user_ids}
    for app, codename, holder_ids in rows:
        for user_id in holder_ids:
            permissions[user_id].append(f"{app}.{codename}")
    return permissions


def permissions_by_name() -> dict[str, Permission]:
    """Return all permissions by `app.codename`."""
    permissions = Permission.objects.select_related("content_type")
    return {f"{each.content_type.app_label}.{each.codename}": each for each in permissions}
