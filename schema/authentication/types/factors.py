"""The types of second factors."""

from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from schema.context import Info
from users.authentication import models
from users.authentication.models import PasskeyQuerySet, TotpQuerySet


@strawberry_django.type(models.Totp)
class Totp:
    """An authenticator app (TOTP, RFC 6238)."""

    confirmed_at: auto = strawberry_django.field(description="When the app was activated.")
    last_used_at: auto = strawberry_django.field(
        description="When a code was last used, counting the one that activated the app."
    )

    @classmethod
    def get_queryset(cls, queryset: TotpQuerySet, info: Info) -> TotpQuerySet:
        """Restrict every access path to visible apps."""
        return queryset.visible_to(info.context.actor)


@strawberry_django.type(models.Passkey)
class Passkey(relay.Node):
    """A passkey (Web Authentication Level 3)."""

    id: relay.NodeID[UUID]
    name: auto = strawberry_django.field(description="Name that the user gave it.")
    aaguid: strawberry.ID = strawberry_django.field(
        description="Model of the authenticator (AAGUID); all zeros if unknown."
    )
    is_syncable: auto = strawberry_django.field(
        description="Whether the passkey can be synced to other devices of the user."
    )
    is_backed_up: auto = strawberry_django.field(
        description="Whether the passkey was synced, as of its last use."
    )
    created_at: auto = strawberry_django.field(description="When the passkey was registered.")
    last_used_at: auto = strawberry_django.field(
        description="When the passkey last authenticated the user; null if never."
    )

    @classmethod
    def get_queryset(cls, queryset: PasskeyQuerySet, info: Info) -> PasskeyQuerySet:
        """Restrict every access path to visible passkeys."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class PasskeyConnection(KeysetConnection[Passkey]):
    """A page of passkeys, oldest first."""
