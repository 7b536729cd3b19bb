"""What administrators do to groups and permissions."""

from collections.abc import Collection
from typing import Any, cast

import strawberry
from django.contrib.auth import models as auth

from schema.accounts.types.users import Group, Permission
from schema.context import Info
from schema.errors import Payload
from schema.mutation import mutation
from schema.nodes import node_key
from schema.payloads import changed_object
from users.accounts.policy import may_administer_groups, require
from users.accounts.services.groups import (
    create_group,
    delete_group,
    grant_group_permissions,
    revoke_group_permissions,
    update_group,
)
from users.accounts.services.permissions import (
    create_permission,
    delete_permission,
    describe_permission,
    find_permissions,
)
from users.accounts.services.set_change import MAX_CHANGES, SetChange
from users.scopes import Scope

GROUP_ID = "The group's `id`."
PERMISSIONS = f"As app.codename; at most {MAX_CHANGES}."


@strawberry.input
class CreateGroupInput:
    """A new group."""

    name: str = strawberry.field(description="Unique; at most 150 characters.")
    permissions: list[str] = strawberry.field(
        default_factory=list, description="What the members may do, as app.codename."
    )


@strawberry.input
class UpdateGroupInput:
    """The fields to change; those left out stay."""

    # `check_nulls` refuses null.

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)
    name: strawberry.Maybe[str | None] = strawberry.field(
        description="Unique; at most 150 characters."
    )
    permissions: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="All that the members may do, as app.codename.",
        deprecation_reason="Since 2026-11-29. It undoes what another administrator grants or "
        "revokes meanwhile; use `grantGroupPermissions` and `revokeGroupPermissions`.",
    )


@strawberry.input
class GrantGroupPermissionsInput:
    """The permissions to grant to a group."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)
    permissions: list[str] = strawberry.field(description=PERMISSIONS)


@strawberry.input
class RevokeGroupPermissionsInput:
    """The permissions to revoke from a group."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)
    permissions: list[str] = strawberry.field(description=PERMISSIONS)


@strawberry.input
class DeleteGroupInput:
    """The group to delete."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)


@strawberry.type
class GroupPayload(Payload):
    """A mutation's answer about a group."""

    group_id: strawberry.Private[int | None] = None
    group: Group | None = changed_object(auth.Group, "group_id")


@strawberry.input
class CreatePermissionInput:
    """A permission for applications of your own."""

    name: str = strawberry.field(
        description="As app.codename, where the app is none of this service's."
    )
    description: str = strawberry.field(description="What it allows; at most 255 characters.")


@strawberry.input
class DescribePermissionInput(CreatePermissionInput):
    """What a permission is said to allow."""


@strawberry.input
class DeletePermissionInput:
    """The permission to delete."""

    name: str = strawberry.field(description="As app.codename.")


@strawberry.type
class PermissionPayload(Payload):
    """A mutation's answer about a permission."""

    permission_id: strawberry.Private[int | None] = None
    permission: Permission | None = changed_object(auth.Permission, "permission_id")


@strawberry.type
class GroupsMutation:
    """Groups and permissions, for administrators."""

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def create_group(self, info: Info, input: CreateGroupInput) -> GroupPayload:
        """Create a group, for administrators."""
        permissions = _permissions(info, input.permissions)
        group = create_group(actor=info.context.actor, name=input.name, permissions=permissions)
        return GroupPayload(group_id=group.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def update_group(self, info: Info, input: UpdateGroupInput) -> GroupPayload:
        """Change a group and its permissions, for administrators."""
        changes: dict[str, Any] = {}
        if input.name is not None:
            changes["name"] = input.name.value
        if input.permissions is not None:
            # Null was refused by `check_nulls`.
            permissions = cast("list[str]", input.permissions.value)
            changes["permissions"] = SetChange.to(_permissions(info, permissions))
        group_id = node_key(input.group_id, "Group")
        group = update_group(group_id, actor=info.context.actor, **changes)
        return GroupPayload(group_id=group.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def grant_group_permissions(
        self, info: Info, input: GrantGroupPermissionsInput
    ) -> GroupPayload:
        """Grant permissions to a group; those that it has stay. For administrators."""
        group_id = node_key(input.group_id, "Group")
        permissions = input.permissions
        group = grant_group_permissions(group_id, actor=info.context.actor, permissions=permissions)
        return GroupPayload(group_id=group.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def revoke_group_permissions(
        self, info: Info, input: RevokeGroupPermissionsInput
    ) -> GroupPayload:
        """Revoke permissions of a group; its other ones stay. For administrators."""
        group_id = node_key(input.group_id, "Group")
        permissions = input.permissions
        group = revoke_group_permissions(
            group_id, actor=info.context.actor, permissions=permissions
        )
        return GroupPayload(group_id=group.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def delete_group(self, info: Info, input: DeleteGroupInput) -> None:
        """Delete a group; its members lose its permissions. For administrators."""
        delete_group(node_key(input.group_id, "Group"), actor=info.context.actor)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def create_permission(self, info: Info, input: CreatePermissionInput) -> PermissionPayload:
        """Create a permission for applications of your own, for administrators."""
        permission = create_permission(actor=info.context.actor, **vars(input))
        return PermissionPayload(permission_id=permission.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=False)
    def describe_permission(self, info: Info, input: DescribePermissionInput) -> PermissionPayload:
        """Change the description of a permission of your own, for administrators."""
        permission = describe_permission(actor=info.context.actor, **vars(input))
        return PermissionPayload(permission_id=permission.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def delete_permission(self, info: Info, input: DeletePermissionInput) -> None:
        """Delete a permission of your own, and revoke it everywhere. For administrators."""
        delete_permission(input.name, actor=info.context.actor)


def _permissions(info: Info, names: Collection[str]) -> list[int]:
    require(info.context.actor, may_administer_groups)
    return find_permissions(names)
