"""Queries about people."""

from collections.abc import Iterable
from typing import Annotated

import strawberry
from django.contrib.auth import models as auth

from core.database.search.texts import words_of
from engine.relay.connection import keyset_connection
from schema.accounts.filters import UserFilter
from schema.accounts.types.users import (
    Group,
    GroupConnection,
    Permission,
    User,
    UserConnection,
    UserOrder,
)
from schema.context import Info
from schema.nodes import NodeId, node_key, single_row
from schema.query import query_field
from schema.scopes import NoScope
from users.accounts import models
from users.accounts.filters import UserFilterSpec
from users.accounts.orders import PRIVATE_ORDERS
from users.accounts.policy import (
    may_list_groups,
    may_list_users,
    may_select_by_private_fields,
    require,
)
from users.scopes import Scope


@strawberry.type
class AccountsQuery:
    """Who is who."""

    @query_field(scope=NoScope.ANY_TOKEN)
    def me(self, info: Info) -> User | None:
        """The signed-in person; null for anonymous clients."""
        return single_row(models.User.objects.all(), info.context.actor.user_id)

    @query_field(scope=Scope.USERS_READ)
    def user(self, id: NodeId) -> User | None:
        """A person by id; null if there is none to be seen."""
        return single_row(models.User.objects.all(), node_key(id, "User"))

    @keyset_connection(GroupConnection, scope=Scope.GROUPS_READ)
    def groups(self, info: Info) -> Iterable[Group]:
        """All groups by name, for staff."""
        require(info.context.actor, may_list_groups)
        return auth.Group.objects.order_by("name")

    @query_field(scope=Scope.GROUPS_READ)
    def permissions(self, info: Info) -> list[Permission]:
        """All permissions there are, for staff."""
        require(info.context.actor, may_list_groups)
        return auth.Permission.objects.order_by("content_type__app_label", "codename")

    @keyset_connection(UserConnection, scope=Scope.USERS_READ)
    def users(
        self,
        info: Info,
        filter: Annotated[
            UserFilter | None, strawberry.argument(description="Which people; all, if not given.")
        ] = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Any parts of names and usernames, for staff also of addresses; each "
                "word has to be found. One or two letters have to begin a word."
            ),
        ] = None,
        order_by: Annotated[
            UserOrder | None,
            strawberry.argument(
                description="If not given: the best match first, or without `search` by username."
            ),
        ] = None,
    ) -> Iterable[User]:
        """People: everybody for staff, public ones for others."""
        actor = info.context.actor
        require(actor, may_list_users)
        wanted = UserFilterSpec() if filter is None else filter.parsed()
        people = models.User.objects.people()
        if search is None:
            people = people.findable_by(actor)
        else:
            words = words_of(search)
            people = people.matching_words(words, actor)
            if order_by is None:
                people = people.order_by_rank(words, actor)
                return wanted.apply(people, order=None, actor=actor)
        order = order_by or UserOrder()
        if order.field in PRIVATE_ORDERS:
            require(actor, may_select_by_private_fields)
        people = people.in_order(order.field, descending=order.is_descending)
        return wanted.apply(people, order=order.field, actor=actor)
