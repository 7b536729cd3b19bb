"""What administrators do to groups and permissions."""

from collections.abc import Collection
from typing import Any, cast

import strawberry
import strawberry_django
from django.contrib.auth import models as auth

from schema.accounts.types import Group, Permission
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
from schema.nodes import node_key, one
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

GROUP_ID = "The group's `id`."
PERMISSIONS = f"As app.codename; at most {MAX_CHANGES}."


@strawberry.input(description="A new group.")
class CreateGroupInput:
    """What creating takes."""

    name: str = strawberry.field(description="Unique; at most 150 characters.")
    permissions: list[str] = strawberry.field(
        default_factory=list, description="What the members may do, as app.codename."
    )


@strawberry.input(description="The fields to change; those left out stay.")
class UpdateGroupInput:
    """Every field but the id is optional, and none may be null: see `check_nulls`."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)
    name: strawberry.Maybe[str | None] = strawberry.field(
        description="Unique; at most 150 characters."
    )
    permissions: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="All that the members may do, as app.codename.",
        deprecation_reason="Since 2026-11-29. It undoes what another administrator grants or "
        "revokes meanwhile; use `grantGroupPermissions` and `revokeGroupPermissions`.",
    )


@strawberry.input(description="The permissions to grant to a group.")
class GrantGroupPermissionsInput:
    """What granting takes."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)
    permissions: list[str] = strawberry.field(description=PERMISSIONS)


@strawberry.input(description="The permissions to revoke from a group.")
class RevokeGroupPermissionsInput:
    """What revoking takes."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)
    permissions: list[str] = strawberry.field(description=PERMISSIONS)


@strawberry.input(description="The group to delete.")
class DeleteGroupInput:
    """What deleting takes."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)


@strawberry.type(description="Nothing but errors.")
class DeleteGroupPayload(Payload):
    """Tells errors only."""


@strawberry.type(description="A mutation's answer about a group.")
class GroupPayload(Payload):
    """A payload about one group."""

    group_id: strawberry.Private[int | None] = None

    @strawberry_django.field(description="The group; null if the input was refused.")
    def group(self) -> Group | None:
        """Look the group up as it is after the mutation."""
        return one(auth.Group.objects.all(), self.group_id)


@strawberry.input(description="A permission for applications of your own.")
class CreatePermissionInput:
    """What creating takes."""

    name: str = strawberry.field(
        description="As app.codename, where the app is none of this service's."
    )
    description: str = strawberry.field(description="What it allows; at most 255 characters.")


@strawberry.input(description="What a permission is said to allow.")
class DescribePermissionInput(CreatePermissionInput):
    """What describing takes."""


@strawberry.input(description="The permission to delete.")
class DeletePermissionInput:
    """What deleting takes."""

    name: str = strawberry.field(description="As app.codename.")


@strawberry.type(description="Nothing but errors.")
class DeletePermissionPayload(Payload):
    """Tells errors only."""


@strawberry.type(description="A mutation's answer about a permission.")
class PermissionPayload(Payload):
    """A payload about one permission."""

    permission_id: strawberry.Private[int | None] = None

    @strawberry_django.field(description="The permission; null if the input was refused.")
    def permission(self) -> Permission | None:
        """Look the permission up as it is after the mutation."""
        return one(auth.Permission.objects.all(), self.permission_id)


@strawberry.type
class GroupsMutation:
    """Groups and permissions, for administrators."""

    @mutation("Creates a group, for administrators.")
    def create_group(self, info: Info, input: CreateGroupInput) -> GroupPayload:
        """Create it."""
        permissions = _permissions(info, input.permissions)
        group = create_group(actor=info.context.actor, name=input.name, permissions=permissions)
        return GroupPayload(group_id=group.pk)

    @mutation("Changes a group and what its members may do, for administrators.")
    def update_group(self, info: Info, input: UpdateGroupInput) -> GroupPayload:
        """Change the given fields."""
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

    @mutation("Grants permissions to a group; those that it has stay. For administrators.")
    def grant_group_permissions(
        self, info: Info, input: GrantGroupPermissionsInput
    ) -> GroupPayload:
        """Add the permissions."""
        group_id = node_key(input.group_id, "Group")
        permissions = input.permissions
        group = grant_group_permissions(group_id, actor=info.context.actor, permissions=permissions)
        return GroupPayload(group_id=group.pk)

    @mutation("Revokes permissions of a group; its other ones stay. For administrators.")
    def revoke_group_permissions(
        self, info: Info, input: RevokeGroupPermissionsInput
    ) -> GroupPayload:
        """Remove the permissions."""
        group_id = node_key(input.group_id, "Group")
        permissions = input.permissions
        group = revoke_group_permissions(
            group_id, actor=info.context.actor, permissions=permissions
        )
        return GroupPayload(group_id=group.pk)

    @mutation("Deletes a group; its members lose what it permitted. For administrators.")
    def delete_group(self, info: Info, input: DeleteGroupInput) -> DeleteGroupPayload:
        """Delete it."""
        delete_group(node_key(input.group_id, "Group"), actor=info.context.actor)
        return DeleteGroupPayload()

    @mutation("Adds a permission for applications of your own, for administrators.")
    def create_permission(self, info: Info, input: CreatePermissionInput) -> PermissionPayload:
        """Add it."""
        permission = create_permission(actor=info.context.actor, **vars(input))
        return PermissionPayload(permission_id=permission.pk)

    @mutation("Says anew what a permission of your own allows, for administrators.")
    def describe_permission(self, info: Info, input: DescribePermissionInput) -> PermissionPayload:
        """Describe it."""
        permission = describe_permission(actor=info.context.actor, **vars(input))
        return PermissionPayload(permission_id=permission.pk)

    @mutation("Deletes a permission of your own; nobody has it any more. For administrators.")
    def delete_permission(
        self, info: Info, input: DeletePermissionInput
    ) -> DeletePermissionPayload:
        """Delete it."""
        delete_permission(input.name, actor=info.context.actor)
        return DeletePermissionPayload()


def _permissions(info: Info, names: Collection[str]) -> list[int]:
    require(info.context.actor, may_administer_groups)
    return find_permissions(names)
