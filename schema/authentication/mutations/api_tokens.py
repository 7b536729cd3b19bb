"""Making, rotating, renaming and revoking API tokens."""

import datetime as dt
from typing import Self
from uuid import UUID

import strawberry

from schema.authentication.types.api_tokens import ApiToken
from schema.context import Info
from schema.errors import Payload
from schema.inputs import PasswordConfirmation
from schema.mutation import mutation
from schema.nodes import node_key
from schema.payloads import changed_object
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

NAME = "What it is for, up to 100 characters."
SCOPES = "What it is to be good for, one scope at least."
DAYS = "For how many days, up to the service's maximum, a year by default."
PASSWORD = "Your current password."  # noqa: S105 - a description
TOKEN_ID = "The token's `id`."  # noqa: S105 - a description


@strawberry.input
class CreateApiTokenInput(PasswordConfirmation):
    """What a token is to be like, and proof that its owner asks."""

    name: str = strawberry.field(description=NAME)
    scopes: list[Scope] = strawberry.field(description=SCOPES)
    expires_in_days: int = strawberry.field(default=90, description=DAYS)


@strawberry.input
class CreateServiceAccountTokenInput(PasswordConfirmation):
    """The same for a program, and proof that an administrator asks."""

    service_account_id: strawberry.ID = strawberry.field(description="The account's `id`.")
    name: str = strawberry.field(description=NAME)
    scopes: list[Scope] = strawberry.field(description=SCOPES)
    expires_in_days: int = strawberry.field(default=90, description=DAYS)


@strawberry.input
class RotateApiTokenInput(PasswordConfirmation):
    """Which token is to have a successor."""

    token_id: strawberry.ID = strawberry.field(description=TOKEN_ID)
    overlap_minutes: int = strawberry.field(
        default=60,
        description="How long both are to work, up to a week of 10,080 minutes; with 0 the former "
        "stops at once.",
    )


@strawberry.input
class RenameApiTokenInput:
    """Which token to rename."""

    token_id: strawberry.ID = strawberry.field(description=TOKEN_ID)
    name: str = strawberry.field(description=NAME)


@strawberry.input
class RevokeApiTokenInput:
    """Which token to revoke."""

    token_id: strawberry.ID = strawberry.field(description=TOKEN_ID)


@strawberry.type
class ApiTokenPayload(Payload):
    """A mutation's answer about an API token."""

    token_id: strawberry.Private[UUID | None] = None
    api_token: ApiToken | None = changed_object(models.ApiToken, "token_id")


@strawberry.type
class NewApiTokenPayload(ApiTokenPayload):
    """An API token that came to be, and its secret."""

    secret: str | None = strawberry.field(
        default=None,
        description="For the `Authorization: Bearer` header. It is told this once: keep it.",
    )

    @classmethod
    def of(cls, new: NewToken) -> Self:
        """Answer about a new token."""
        return cls(token_id=new.api_token.pk, secret=new.secret)


@strawberry.type
class ApiTokensMutation:
    """What programs speak for people, and for themselves, by."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def create_api_token(self, info: Info, input: CreateApiTokenInput) -> NewApiTokenPayload:
        """Create an API token that acts for you within its scopes. Its secret is shown once."""
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
        """Create an API token of a service account, for administrators.

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
        """Create a successor of an API token; both work for a while.

        Those of service accounts are rotated by administrators.
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
        """Rename one of your API tokens; any user's, for administrators."""
        key = node_key(input.token_id, "ApiToken")
        token = rename_api_token(key, actor=info.context.actor, name=input.name)
        return ApiTokenPayload(token_id=token.pk)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=False)
    def revoke_api_token(self, info: Info, input: RevokeApiTokenInput) -> None:
        """Revoke one of your API tokens at once; any user's, for administrators."""
        revoke_api_token(node_key(input.token_id, "ApiToken"), actor=info.context.actor)
