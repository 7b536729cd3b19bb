"""The API token type."""

from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from schema.accounts.types.users import User
from schema.context import Info
from schema.enums import describe_enum
from users.authentication import models
from users.authentication.models.api_tokens import ApiTokenQuerySet
from users.scopes import Scope

describe_enum(Scope)


@strawberry_django.type(models.ApiToken)
class ApiToken(relay.Node):
    """An API token: authenticates an application as its owner, within its scopes."""

    id: relay.NodeID[UUID]
    name: auto = strawberry_django.field(description="Name, such as the purpose.")
    scopes: list[Scope] = strawberry_django.field(description="Scopes that the token grants.")
    user: User | None = strawberry_django.field(description="Owner of the token.")
    created_at: auto = strawberry_django.field(description="When the token was created.")
    expires_at: auto = strawberry_django.field(description="When the token expires.")
    last_used_at: auto = strawberry_django.field(
        description="When the token was last used, to within five minutes; null if never."
    )
    rotated_at: auto = strawberry_django.field(
        description="When `rotateApiToken` replaced it; null if never."
    )

    @classmethod
    def get_queryset(cls, queryset: ApiTokenQuerySet, info: Info) -> ApiTokenQuerySet:
        """Restrict every access path to visible tokens that are not expired."""
        return queryset.visible_to(info.context.actor).active()


@strawberry.type
class ApiTokenConnection(KeysetConnection[ApiToken]):
    """A page of API tokens, newest first."""
