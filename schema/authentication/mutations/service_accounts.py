"""Mutations of service accounts."""

import strawberry

from schema.accounts.mutations.own_account import USERNAME
from schema.accounts.types.users import UserPayload
from schema.context import Info
from schema.mutation import mutation
from schema.nodes import node_key
from schema.scopes import NoScope
from users.authentication.services.service_accounts import (
    create_service_account,
    deactivate_service_account,
)


@strawberry.input
class CreateServiceAccountInput:
    """A new service account."""

    username: str = strawberry.field(description=USERNAME)
    name: str = strawberry.field(default="", description="Display name.")
    is_staff: bool = strawberry.field(default=False, description="Whether the account is staff.")
    is_superuser: bool = strawberry.field(
        default=False,
        description="Whether the account is an administrator, within the scopes of its tokens.",
    )


@strawberry.input
class DeactivateServiceAccountInput:
    """The service account to deactivate."""

    service_account_id: strawberry.ID = strawberry.field(description="`id` of the service account.")


@strawberry.type
class ServiceAccountsMutation:
    """Administration of service accounts."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def create_service_account(self, info: Info, input: CreateServiceAccountInput) -> UserPayload:
        """Create a service account, which authenticates by API tokens. Administrators only."""
        user = create_service_account(actor=info.context.actor, **vars(input))
        return UserPayload(user_id=user.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def deactivate_service_account(
        self, info: Info, input: DeactivateServiceAccountInput
    ) -> UserPayload:
        """Deactivate a service account, and revoke its tokens. Administrators only.

        `reactivateUser` reactivates the account, without tokens.
        """
        key = node_key(input.service_account_id, "User")
        user = deactivate_service_account(key, actor=info.context.actor)
        return UserPayload(user_id=user.pk)
