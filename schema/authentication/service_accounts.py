"""Accounts of programs."""

from collections.abc import Iterable

import strawberry

from schema.accounts.mutations import USERNAME
from schema.accounts.types import User, UserPayload
from schema.connections import KeysetConnection, keyset_connection
from schema.context import Info
from schema.mutations import mutation
from schema.nodes import node_key
from users.accounts import models
from users.accounts.orders import UserOrderField
from users.accounts.policy import require
from users.authentication.policy import may_list_service_accounts
from users.authentication.services.service_accounts import (
    create_service_account,
    deactivate_service_account,
)


@strawberry.type(description="A page of service accounts, by username.")
class ServiceAccountConnection(KeysetConnection[User]):
    """Programs by username, which is unique and indexed."""


@strawberry.type
class ServiceAccountsQuery:
    """Which programs have accounts."""

    @keyset_connection(
        ServiceAccountConnection,
        description="Service accounts by username, for staff; they are not among `users`.",
    )
    def service_accounts(self, info: Info) -> Iterable[User]:
        """Page through the programs."""
        require(info.context.actor, may_list_service_accounts)
        return models.User.objects.services().in_order(UserOrderField.USERNAME)


@strawberry.input(description="A new account, of a program.")
class CreateServiceAccountInput:
    """What creating takes."""

    username: str = strawberry.field(description=USERNAME)
    name: str = strawberry.field(default="", description="The name to show.")
    is_staff: bool = strawberry.field(default=False, description="Whether it sees everybody.")
    is_superuser: bool = strawberry.field(
        default=False,
        description="Whether it administers the service, as its tokens' scopes allow.",
    )


@strawberry.input(description="Which service account to shut.")
class DeactivateServiceAccountInput:
    """What deactivating takes."""

    service_account_id: strawberry.ID = strawberry.field(description="The account's `id`.")


@strawberry.type
class ServiceAccountsMutation:
    """Accounts of programs, for administrators."""

    @mutation("Creates an account for a program, which nobody can log in as, for administrators.")
    def create_service_account(self, info: Info, input: CreateServiceAccountInput) -> UserPayload:
        """Create the account."""
        user = create_service_account(actor=info.context.actor, **vars(input))
        return UserPayload(user_id=user.pk)

    @mutation("Shuts a service account and revokes all its tokens, for administrators.")
    def deactivate_service_account(
        self, info: Info, input: DeactivateServiceAccountInput
    ) -> UserPayload:
        """Shut it; `reactivateUser` opens it again, without tokens."""
        key = node_key(input.service_account_id, "User")
        user = deactivate_service_account(key, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
