"""Mutations that grant groups and permissions to users, and revoke them."""

import strawberry

from schema.accounts.mutations.groups import PERMISSIONS
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.inputs import UserIdInput
from schema.mutation import mutation
from schema.nodes import node_key
from users.accounts.services.grants import (
    add_to_groups,
    grant_user_permissions,
    remove_from_groups,
    revoke_user_permissions,
)
from users.accounts.services.set_change import MAX_CHANGES
from users.scopes import Scope

GROUP_IDS = f"`id`s of the groups; at most {MAX_CHANGES}."


@strawberry.input
class AddToGroupsInput(UserIdInput):
    """A user, and the groups to add the user to."""

    group_ids: list[strawberry.ID] = strawberry.field(description=GROUP_IDS)


@strawberry.input
class RemoveFromGroupsInput(UserIdInput):
    """A user, and the groups to remove the user from."""

    group_ids: list[strawberry.ID] = strawberry.field(description=GROUP_IDS)


@strawberry.input
class GrantUserPermissionsInput(UserIdInput):
    """A user, and the permissions to grant."""

    permissions: list[str] = strawberry.field(description=PERMISSIONS)


@strawberry.input
class RevokeUserPermissionsInput(UserIdInput):
    """A user, and the permissions to revoke."""

    permissions: list[str] = strawberry.field(description=PERMISSIONS)


@strawberry.type
class GrantsMutation:
    """Grants by difference, so that concurrent changes are not lost."""

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def add_to_groups(self, info: Info, input: AddToGroupsInput) -> UserPayload:
        """Add a user to groups; other memberships are kept. Administrators only."""
        user_id, group_ids = node_key(input.user_id, "User"), _keys(input.group_ids)
        user = add_to_groups(user_id, actor=info.context.actor, group_ids=group_ids)
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def remove_from_groups(self, info: Info, input: RemoveFromGroupsInput) -> UserPayload:
        """Remove a user from groups; other memberships are kept. Administrators only."""
        user_id, group_ids = node_key(input.user_id, "User"), _keys(input.group_ids)
        user = remove_from_groups(user_id, actor=info.context.actor, group_ids=group_ids)
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def grant_user_permissions(self, info: Info, input: GrantUserPermissionsInput) -> UserPayload:
        """Grant permissions directly to a user; existing ones are kept. Administrators only."""
        user_id, permissions = node_key(input.user_id, "User"), input.permissions
        user = grant_user_permissions(user_id, actor=info.context.actor, permissions=permissions)
        return UserPayload(user_id=user.pk)

    @mutation(scope=Scope.USERS_WRITE, reauthenticate=True)
    def revoke_user_permissions(self, info: Info, input: RevokeUserPermissionsInput) -> UserPayload:
        """Revoke permissions granted directly to a user; others are kept. Administrators only."""
        user_id, permissions = node_key(input.user_id, "User"), input.permissions
        user = revoke_user_permissions(user_id, actor=info.context.actor, permissions=permissions)
        return UserPayload(user_id=user.pk)


def _keys(ids: list[strawberry.ID]) -> list[int | None]:
    return [node_key(id_, "Group") for id_ in ids]
