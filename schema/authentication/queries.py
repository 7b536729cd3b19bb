"""Queries of sessions and service accounts."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from schema.accounts.types.users import User
from schema.authentication.types.service_accounts import ServiceAccountConnection
from schema.authentication.types.sessions import Session, SessionConnection
from schema.context import Info
from schema.nodes import node_key, renamed
from schema.query import keyset_connection
from users.accounts.models import User as UserModel
from users.accounts.orders import UserOrderField
from users.accounts.policy import require
from users.authentication import models
from users.authentication.policy import may_list_service_accounts, may_list_sessions
from users.scopes import Scope


@strawberry.type
class AuthenticationQuery:
    """Sessions and service accounts."""

    @keyset_connection(SessionConnection, scope=Scope.SESSIONS_READ)
    def sessions(
        self,
        info: Info,
        user_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="`id` of the user. Default: you."),
        ] = None,
        user: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="`id` of the user. Default: you.",
                deprecation_reason=renamed("userId"),
            ),
        ] = None,
    ) -> Iterable[Session]:
        """Active sessions, newest first: yours or, for staff, those of any user."""
        actor = info.context.actor
        require(actor, may_list_sessions)
        id_ = user if user_id is None else user_id
        key = actor.user_id if id_ is None else node_key(id_, "User")
        sessions = models.Session.objects.order_by("-id")
        return sessions.filter(user_id=key) if key else sessions.none()

    @keyset_connection(ServiceAccountConnection, scope=Scope.USERS_READ)
    def service_accounts(self, info: Info) -> Iterable[User]:
        """Service accounts, ordered by username; `users` does not list them. Staff only."""
        require(info.context.actor, may_list_service_accounts)
        return UserModel.objects.service_accounts().in_order(UserOrderField.USERNAME)
