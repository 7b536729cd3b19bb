"""Mutations of groups and permissions, for administrators."""

from collections.abc import Collection
from typing import Any, cast

import strawberry
from django.contrib.auth import models as auth

from schema.accounts.types.users import Group, Permission
from schema.context import Info
from schema.errors import Payload
from schema.mutation import mutation
from schema.nodes import global_id, node_key
from schema.payloads import changed_object, deleted_id
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

GROUP_ID = "`id` of the group."
PERMISSIONS = f"Permission names, as `app.codename`; at most {MAX_CHANGES}."


@strawberry.input
class CreateGroupInput:
    """A new group."""

    name: str = strawberry.field(description="Unique; at most 150 characters.")
    permissions: list[str] = strawberry.field(
        default_factory=list, description="Permissions of the members, as `app.codename`."
    )


@strawberry.input
class UpdateGroupInput:
    """Fields to change; omitted fields keep their values."""

    # `check_nulls` rejects null.

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)
    name: strawberry.Maybe[str | None] = strawberry.field(
        description="Unique; at most 150 characters."
    )
    permissions: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="Complete list of the members' permissions, as `app.codename`.",
        deprecation_reason="Since 2026-11-29. Replacing the list overwrites concurrent changes by "
        "other administrators. Use `grantGroupPermissions` and `revokeGroupPermissions`.",
    )


@strawberry.input
class GrantGroupPermissionsInput:
    """A group, and the permissions to grant."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)
    permissions: list[str] = strawberry.field(description=PERMISSIONS)


@strawberry.input
class RevokeGroupPermissionsInput:
    """A group, and the permissions to revoke."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)
    permissions: list[str] = strawberry.field(description=PERMISSIONS)


@strawberry.input
class DeleteGroupInput:
    """The group to delete."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)


@strawberry.type
class GroupPayload(Payload):
    """The group after the mutation."""

    group_id: strawberry.Private[int | None] = None
    group: Group | None = changed_object(auth.Group, "group_id")


@strawberry.input
class CreatePermissionInput:
    """A custom permission for your own applications."""

    name: str = strawberry.field(
        description="Unique name, as `app.codename`; `app` must not be an app of this service."
    )
    description: str = strawberry.field(
        description="What the permission allows; at most 255 characters."
    )


@strawberry.input
class DescribePermissionInput(CreatePermissionInput):
    """A custom permission, and its new description."""


@strawberry.input
class DeletePermissionInput:
    """The custom permission to delete."""

    name: str = strawberry.field(description="Name, as `app.codename`.")


@strawberry.type
class PermissionPayload(Payload):
    """The permission after the mutation."""

    permission_id: strawberry.Private[int | None] = None
    permission: Permission | None = changed_object(auth.Permission, "permission_id")


@strawberry.type
class DeleteGroupPayload(Payload):
    """The group that is gone."""

    deleted_group_id: strawberry.ID | None = deleted_id("group")


@strawberry.type
class DeletePermissionPayload(Payload):
    """The permission that is gone."""

    deleted_permission_name: str | None = strawberry.field(
        default=None, description="Name of the deleted permission; null if none was deleted."
    )


@strawberry.type
class GroupsMutation:
    """Groups and permissions."""

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def create_group(self, info: Info, input: CreateGroupInput) -> GroupPayload:
        """Create a group. Administrators only."""
        permissions = _permissions(info, input.permissions)
        group = create_group(actor=info.context.actor, name=input.name, permissions=permissions)
        return GroupPayload(group_id=group.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def update_group(self, info: Info, input: UpdateGroupInput) -> GroupPayload:
        """Update a group. Administrators only."""
        changes: dict[str, Any] = {}
        if input.name is not None:
            changes["name"] = input.name.value
        if input.permissions is not None:
            # `check_nulls` has rejected null.
            permissions = cast("list[str]", input.permissions.value)
            changes["permissions"] = SetChange.to(_permissions(info, permissions))
        group_id = node_key(input.group_id, "Group")
        group = update_group(group_id, actor=info.context.actor, **changes)
        return GroupPayload(group_id=group.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def grant_group_permissions(
        self, info: Info, input: GrantGroupPermissionsInput
    ) -> GroupPayload:
        """Grant permissions to a group; existing ones are kept. Administrators only."""
        group_id = node_key(input.group_id, "Group")
        permissions = input.permissions
        group = grant_group_permissions(group_id, actor=info.context.actor, permissions=permissions)
        return GroupPayload(group_id=group.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def revoke_group_permissions(
        self, info: Info, input: RevokeGroupPermissionsInput
    ) -> GroupPayload:
        """Revoke permissions of a group; others are kept. Administrators only."""
        group_id = node_key(input.group_id, "Group")
        permissions = input.permissions
        group = revoke_group_permissions(
            group_id, actor=info.context.actor, permissions=permissions
        )
        return GroupPayload(group_id=group.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def delete_group(self, info: Info, input: DeleteGroupInput) -> DeleteGroupPayload:
        """Delete a group; its members lose its permissions. Administrators only."""
        group_id = node_key(input.group_id, "Group")
        delete_group(group_id, actor=info.context.actor)
        return DeleteGroupPayload(deleted_group_id=global_id("Group", group_id))

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def create_permission(self, info: Info, input: CreatePermissionInput) -> PermissionPayload:
        """Create a custom permission for your own applications. Administrators only."""
        permission = create_permission(actor=info.context.actor, **vars(input))
        return PermissionPayload(permission_id=permission.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=False)
    def describe_permission(self, info: Info, input: DescribePermissionInput) -> PermissionPayload:
        """Change the description of a custom permission. Administrators only."""
        permission = describe_permission(actor=info.context.actor, **vars(input))
        return PermissionPayload(permission_id=permission.pk)

    @mutation(scope=Scope.GROUPS_WRITE, reauthenticate=True)
    def delete_permission(
        self, info: Info, input: DeletePermissionInput
    ) -> DeletePermissionPayload:
        """Delete a custom permission, and revoke all its grants. Administrators only."""
        delete_permission(input.name, actor=info.context.actor)
        return DeletePermissionPayload(deleted_permission_name=input.name)


def _permissions(info: Info, names: Collection[str]) -> list[int]:
    require(info.context.actor, may_administer_groups)
    return find_permissions(names)
