"""Queries about people."""

from collections.abc import Iterable
from typing import Annotated

import strawberry
import strawberry_django
from django.contrib.auth import models as auth

from schema.accounts.types import (
    Group,
    GroupConnection,
    Permission,
    User,
    UserConnection,
    UserOrder,
)
from schema.connections import Direction, keyset_connection
from schema.context import Info
from schema.nodes import NodeId, node_key, one
from users.accounts import models
from users.accounts.orders import PRIVATE_ORDERS
from users.accounts.policy import (
    may_list_groups,
    may_list_people,
    may_order_people_by_what_is_private,
    require,
)


@strawberry.type
class AccountsQuery:
    """Who is who."""

    @strawberry_django.field(description="The signed-in person; null for anonymous clients.")
    def me(self, info: Info) -> User | None:
        """Look the actor up like anybody else."""
        return one(models.User.objects.all(), info.context.actor.user_id)

    @strawberry_django.field(description="A person by id; null if there is none to be seen.")
    def user(self, id: NodeId) -> User | None:
        """Look a person up."""
        return one(models.User.objects.all(), node_key(id, "User"))

    @keyset_connection(GroupConnection, description="All groups by name, for staff.")
    def groups(self, info: Info) -> Iterable[Group]:
        """Page through the groups."""
        require(info.context.actor, may_list_groups)
        return auth.Group.objects.order_by("name")

    @strawberry_django.field(description="All permissions there are, for staff.")
    def permissions(self, info: Info) -> list[Permission]:
        """List what groups and people can be given."""
        require(info.context.actor, may_list_groups)
        return auth.Permission.objects.order_by("content_type__app_label", "codename")

    @keyset_connection(
        UserConnection,
        description="People: everybody for staff, public ones for others.",
    )
    def users(
        self,
        info: Info,
        order_by: Annotated[
            UserOrder | None, strawberry.argument(description="By username, if not given.")
        ] = None,
    ) -> Iterable[User]:
        """Page through the directory."""
        require(info.context.actor, may_list_people)
        order = order_by or UserOrder()
        if order.field in PRIVATE_ORDERS:
            require(info.context.actor, may_order_people_by_what_is_private)
        descending = order.direction is Direction.DESC
        people = models.User.objects.found_by(info.context.actor)
        return people.in_order(order.field, descending=descending)
