"""The query of the directory."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from core.database.search.texts import words_of
from schema.accounts.types.users import User, UserConnection, UserOrder
from schema.context import Info
from schema.directory.filters import UserFilter, spec_of
from schema.query import keyset_connection
from users.accounts import models
from users.accounts.orders import PRIVATE_ORDERS
from users.accounts.policy import may_list_users, may_select_by_private_fields, require
from users.scopes import Scope


@strawberry.type
class DirectoryQuery:
    """Lists of users."""

    @keyset_connection(UserConnection, scope=Scope.USERS_READ)
    def users(
        self,
        info: Info,
        filter: Annotated[
            UserFilter | None,
            strawberry.argument(description="Conditions that the users must meet."),
        ] = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words to find in names and usernames, for staff also in addresses. "
                "Every word must match a part of a word; one or two letters match its beginning."
            ),
        ] = None,
        order_by: Annotated[
            UserOrder | None,
            strawberry.argument(
                description="Sort order. Default: best match first with `search`, else by username."
            ),
        ] = None,
    ) -> Iterable[User]:
        """Users: all for staff; yourself and public users for others."""
        actor = info.context.actor
        require(actor, may_list_users)
        spec = spec_of(filter)
        users = models.User.objects.exclude_service_accounts()
        if search is None or not search.strip():
            users = users.findable_by(actor)
        else:
            words = words_of(search)
            users = users.matching_words(words, actor)
            if order_by is None:
                users = users.order_by_rank(words, actor)
                return spec.apply(users, order=None, actor=actor)
        order = order_by or UserOrder()
        if order.field in PRIVATE_ORDERS:
            require(actor, may_select_by_private_fields)
        users = users.in_order(order.field, descending=order.is_descending)
        return spec.apply(users, order=order.field, actor=actor)
