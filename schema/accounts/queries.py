"""Queries of users, groups and permissions."""

from collections.abc import Iterable

import strawberry
from django.contrib.auth import models as auth

from schema.accounts.types.users import (
    Group,
    GroupConnection,
    Permission,
    User,
)
from schema.context import Info
from schema.entities import ALL_GROUPS, ALL_PERMISSIONS, REQUESTER, USER, by_id
from schema.nodes import NodeId, node_key, single_row
from schema.query import keyset_connection, query_field
from schema.scopes import NoScope
from users.accounts import models
from users.accounts.policy import (
    may_list_groups,
    require,
)
from users.scopes import Scope


@strawberry.type
class AccountsQuery:
    """Users, groups and permissions."""

    @query_field(scope=NoScope.ANY_TOKEN, depends_on=REQUESTER)
    def me(self, info: Info) -> User | None:
        """The authenticated user; null for anonymous clients."""
        return single_row(models.User.objects.all(), info.context.actor.user_id)

    @query_field(scope=Scope.USERS_READ, depends_on=by_id(USER, "User"))
    def user(self, id: NodeId) -> User | None:
        """Look up a user by `id`; null if none is visible to you."""
        return single_row(models.User.objects.all(), node_key(id, "User"))

    @keyset_connection(GroupConnection, scope=Scope.GROUPS_READ, depends_on=ALL_GROUPS)
    def groups(self, info: Info) -> Iterable[Group]:
        """Groups, ordered by name. Staff only."""
        require(info.context.actor, may_list_groups)
        return auth.Group.objects.order_by("name")

    @query_field(scope=Scope.GROUPS_READ, depends_on=ALL_PERMISSIONS)
    def permissions(self, info: Info) -> list[Permission]:
        """All permissions. Staff only."""
        require(info.context.actor, may_list_groups)
        return auth.Permission.objects.order_by("content_type__app_label", "codename")
