"""What administrators do to groups and permissions."""

import strawberry
import strawberry_django
from django.contrib.auth import models as auth

from schema.accounts.types import Group, Permission
from schema.context import Info
from schema.errors import Payload
from schema.mutations import mutation
from schema.nodes import node_key, one
from users.accounts.policy import may_administer_groups, require
from users.accounts.services.groups import delete_group, save_group
from users.accounts.services.permissions import (
    create_permission,
    delete_permission,
    describe_permission,
    find_permissions,
)

GROUP_ID = "The group's `id`."


@strawberry.input(description="A new group.")
class CreateGroupInput:
    """What creating takes."""

    name: str = strawberry.field(description="Unique; at most 150 characters.")
    permissions: list[str] = strawberry.field(
        default_factory=list, description="What the members may do, as app.codename."
    )


@strawberry.input(description="A group as it is to be.")
class UpdateGroupInput(CreateGroupInput):
    """What changing takes: all of it."""

    group_id: strawberry.ID = strawberry.field(description=GROUP_ID)


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
        return _save(auth.Group(), info, input)

    @mutation("Changes a group and what its members may do, for administrators.")
    def update_group(self, info: Info, input: UpdateGroupInput) -> GroupPayload:
        """Change it."""
        return _save(auth.Group(pk=node_key(input.group_id, "Group") or 0), info, input)

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


def _save(group: auth.Group, info: Info, input: CreateGroupInput) -> GroupPayload:
    require(info.context.actor, may_administer_groups)
    permissions = find_permissions(input.permissions)
    save_group(group, actor=info.context.actor, name=input.name, permissions=permissions)
    return GroupPayload(group_id=group.pk)
