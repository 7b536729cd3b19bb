"""Mutations that create, rotate, rename and revoke API tokens."""

import datetime as dt
from typing import Self
from uuid import UUID

import strawberry

from schema.authentication.types.api_tokens import ApiToken
from schema.context import Info
from schema.errors import Payload
from schema.inputs import PasswordConfirmation
from schema.mutation import mutation
from schema.nodes import global_id, node_key
from schema.payloads import changed_object, deleted_id
from schema.scopes import NoScope
from users.authentication import models
from users.authentication.services.api_tokens import (
    NewToken,
    create_api_token,
    create_service_account_token,
    rename_api_token,
    revoke_api_token,
    rotate_api_token,
)
from users.scopes import Scope

NAME = "Name of the token, such as its purpose; at most 100 characters."
SCOPES = "Scopes of the token; at least one."
DAYS = "Lifetime in days, up to the deployment's maximum (365 by default)."
PASSWORD = "Your current password."  # noqa: S105 - a description
TOKEN_ID = "`id` of the token."  # noqa: S105 - a description


@strawberry.input
class CreateApiTokenInput(PasswordConfirmation):
    """A new API token of yours, confirmed by your password."""

    name: str = strawberry.field(description=NAME)
    scopes: list[Scope] = strawberry.field(description=SCOPES)
    expires_in_days: int = strawberry.field(default=90, description=DAYS)


@strawberry.input
class CreateServiceAccountTokenInput(PasswordConfirmation):
    """A new API token of a service account, confirmed by your password."""

    service_account_id: strawberry.ID = strawberry.field(description="`id` of the service account.")
    name: str = strawberry.field(description=NAME)
    scopes: list[Scope] = strawberry.field(description=SCOPES)
    expires_in_days: int = strawberry.field(default=90, description=DAYS)


@strawberry.input
class RotateApiTokenInput(PasswordConfirmation):
    """The token to replace, confirmed by your password."""

    token_id: strawberry.ID = strawberry.field(description=TOKEN_ID)
    overlap_minutes: int = strawberry.field(
        default=60,
        description="How long the previous token stays valid, in minutes, up to 10,080 (a week). "
        "With 0 it expires immediately.",
    )


@strawberry.input
class RenameApiTokenInput:
    """The token to rename, and its new name."""

    token_id: strawberry.ID = strawberry.field(description=TOKEN_ID)
    name: str = strawberry.field(description=NAME)


@strawberry.input
class RevokeApiTokenInput:
    """The token to revoke."""

    token_id: strawberry.ID = strawberry.field(description=TOKEN_ID)


@strawberry.type
class ApiTokenPayload(Payload):
    """The API token after the mutation."""

    token_id: strawberry.Private[UUID | None] = None
    api_token: ApiToken | None = changed_object(models.ApiToken, "token_id")


@strawberry.type
class NewApiTokenPayload(ApiTokenPayload):
    """A new API token, and its secret."""

    secret: str | None = strawberry.field(
        default=None,
        description="Secret for the `Authorization: Bearer` header. Shown once: store it securely.",
    )

    @classmethod
    def of(cls, new: NewToken) -> Self:
        """Build the payload of a new token."""
        return cls(token_id=new.api_token.pk, secret=new.secret)


@strawberry.type
class RevokeApiTokenPayload(Payload):
    """The API token that is gone."""

    deleted_api_token_id: strawberry.ID | None = deleted_id("API token")


@strawberry.type
class ApiTokensMutation:
    """API tokens of users and service accounts."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def create_api_token(self, info: Info, input: CreateApiTokenInput) -> NewApiTokenPayload:
        """Create an API token that acts for you within its scopes.

        Its secret is shown once.
        """
        new = create_api_token(
            actor=info.context.actor,
            name=input.name,
            scopes=input.scopes,
            days=input.expires_in_days,
            password=input.password,
        )
        return NewApiTokenPayload.of(new)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def create_service_account_token(
        self, info: Info, input: CreateServiceAccountTokenInput
    ) -> NewApiTokenPayload:
        """Create an API token of a service account. Administrators only.

        Its secret is shown once.
        """
        new = create_service_account_token(
            node_key(input.service_account_id, "User"),
            actor=info.context.actor,
            name=input.name,
            scopes=input.scopes,
            days=input.expires_in_days,
            password=input.password,
        )
        return NewApiTokenPayload.of(new)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def rotate_api_token(self, info: Info, input: RotateApiTokenInput) -> NewApiTokenPayload:
        """Replace an API token by a new one with the same scopes.

        Both are valid for `overlapMinutes`. Tokens of service accounts: administrators only.
        """
        new = rotate_api_token(
            node_key(input.token_id, "ApiToken"),
            actor=info.context.actor,
            overlap=dt.timedelta(minutes=input.overlap_minutes),
            password=input.password,
        )
        return NewApiTokenPayload.of(new)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def rename_api_token(self, info: Info, input: RenameApiTokenInput) -> ApiTokenPayload:
        """Rename one of your API tokens. Administrators may rename any token."""
        key = node_key(input.token_id, "ApiToken")
        token = rename_api_token(key, actor=info.context.actor, name=input.name)
        return ApiTokenPayload(token_id=token.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def revoke_api_token(self, info: Info, input: RevokeApiTokenInput) -> RevokeApiTokenPayload:
        """Revoke one of your API tokens immediately. Administrators may revoke any token."""
        token_id = node_key(input.token_id, "ApiToken")
        revoke_api_token(token_id, actor=info.context.actor)
        return RevokeApiTokenPayload(deleted_api_token_id=global_id("ApiToken", token_id))
