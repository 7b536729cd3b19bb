"""Second factors in GraphQL."""

from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from schema.context import Info
from users.authentication import models
from users.authentication.querysets import PasskeyQuerySet, TotpQuerySet


@strawberry_django.type(models.Totp)
class Totp:
    """An authenticator app (RFC 6238)."""

    confirmed_at: auto = strawberry_django.field(description="Since when it counts.")
    last_used_at: auto = strawberry_django.field(
        description="When a code of it was last used; the first one set it up."
    )

    @classmethod
    def get_queryset(cls, queryset: TotpQuerySet, info: Info) -> TotpQuerySet:
        """Whatever leads to apps leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


@strawberry_django.type(models.Passkey)
class Passkey(relay.Node):
    """A passkey (Web Authentication Level 3)."""

    id: relay.NodeID[UUID]
    name: auto = strawberry_django.field(description="What the person calls it.")
    aaguid: strawberry.ID = strawberry_django.field(
        description="The model of what made it, by which its maker is found; zeros if not told."
    )
    is_syncable: auto = strawberry_django.field(
        description="Whether it may be copied to other devices of the person."
    )
    is_backed_up: auto = strawberry_django.field(description="Whether it was, when last used.")
    created_at: auto = strawberry_django.field(description="When it was registered.")
    last_used_at: auto = strawberry_django.field(
        description="When it last signed the person in or proved them; null if it never did."
    )

    @classmethod
    def get_queryset(cls, queryset: PasskeyQuerySet, info: Info) -> PasskeyQuerySet:
        """Whatever leads to passkeys leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class PasskeyConnection(KeysetConnection[Passkey]):
    """A page of passkeys, the oldest first."""
