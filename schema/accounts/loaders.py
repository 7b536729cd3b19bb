"""Batch loaders for values of users and groups that the ORM cannot join."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib.auth.models import Group, Permission

from core.security.actor import Actor
from engine.fields.loaders import Batch
from users.accounts.models import User
from users.accounts.permissions import permissions_of


def _permissions(_actor: Actor, user_ids: Sequence[UUID]) -> list[list[str]]:
    found = permissions_of(user_ids)
    return [found[user_id] for user_id in user_ids]


permissions = Batch(User, ("pk",), _permissions)


def _group_permissions(_actor: Actor, group_ids: Sequence[int]) -> list[list[str]]:
    found: dict[int, list[str]] = {group_id: [] for group_id in group_ids}
    held = Permission.objects.filter(group__in=group_ids)
    held = held.order_by("content_type__app_label", "codename")
    for group_id, app, codename in held.values_list("group", "content_type__app_label", "codename"):
        found[group_id].append(f"{app}.{codename}")
    return list(found.values())


group_permissions = Batch(Group, ("pk",), _group_permissions)
