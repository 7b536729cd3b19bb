"""API tokens in GraphQL."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from schema.context import Info
from schema.enums import describe_enum
from users.authentication import models
from users.authentication.models.api_tokens import ApiTokenQuerySet
from users.scopes import Scope

if TYPE_CHECKING:
    from schema.accounts.types.users import User

describe_enum(Scope)


@strawberry_django.type(models.ApiToken)
class ApiToken(relay.Node):
    """A secret by which a program speaks for its owner."""

    id: relay.NodeID[UUID]
    name: auto = strawberry_django.field(description="What it is for, as its maker put it.")
    scopes: list[Scope] = strawberry_django.field(description="What it is good for.")
    user: Annotated["User", strawberry.lazy("schema.accounts.types.users")] | None = (
        strawberry_django.field(description="For whom it speaks.")
    )
    created_at: auto = strawberry_django.field(description="Since when it works.")
    expires_at: auto = strawberry_django.field(description="Until when it works.")
    last_used_at: auto = strawberry_django.field(
        description="When it was used, to within five minutes; null if it never was."
    )
    rotated_at: auto = strawberry_django.field(
        description="When it got a successor; null if it has none."
    )

    @classmethod
    def get_queryset(cls, queryset: ApiTokenQuerySet, info: Info) -> ApiTokenQuerySet:
        """Whatever leads to tokens leads to visible ones only, and to no expired ones."""
        return queryset.visible_to(info.context.actor).active()


@strawberry.type
class ApiTokenConnection(KeysetConnection[ApiToken]):
    """A page of API tokens, newest first."""
