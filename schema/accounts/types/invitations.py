"""Pending invitations to create an account."""

import strawberry
import strawberry_django
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from schema.context import Info
from users.accounts import models
from users.accounts.models import InvitationQuerySet


@strawberry_django.type(models.Invitation)
class Invitation(relay.Node):
    """A pending invitation to create an account."""

    id: relay.NodeID[int]
    email: auto = strawberry_django.field(description="Invited address.")
    name: auto = strawberry_django.field(description="Display name of the account to be.")
    locale: auto = strawberry_django.field(description="Language of the mail and of the account.")
    expires_at: auto = strawberry_django.field(description="When the invitation expires.")

    @classmethod
    def get_queryset(cls, queryset: InvitationQuerySet, info: Info) -> InvitationQuerySet:
        """Restrict every access path to visible invitations."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class InvitationConnection(KeysetConnection[Invitation]):
    """A page of invitations, newest first."""
