"""Invitations to organisations in GraphQL."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from schema.context import Info
from schema.enums import describe_enum
from users.organizations import models
from users.organizations.querysets import OrganizationInvitationQuerySet

if TYPE_CHECKING:
    from schema.accounts.types.users import User

# Not the labels: those are translated, and into the language of whoever asks first.
describe_enum(
    models.Role,
    {
        models.Role.OWNER: "The organisation is theirs: renames and deletes it, changes roles.",
        models.Role.ADMIN: "Invites and removes plain members.",
        models.Role.MEMBER: "Belongs to the organisation.",
    },
)


@strawberry_django.type(models.OrganizationInvitation)
class OrganizationInvitation(relay.Node):
    """A place that is offered to an address's owner."""

    id: relay.NodeID[UUID]
    email: auto = strawberry_django.field(description="To whom the link was mailed.")
    role: models.Role = strawberry_django.field(description="As what they would join.")
    inviter: Annotated["User", strawberry.lazy("schema.accounts.types.users")] | None = (
        strawberry_django.field(description="Who invited; null for whom you may not see.")
    )
    created_at: auto = strawberry_django.field(description="Since when.")
    expires_at: auto = strawberry_django.field(description="Until when the link works.")

    @classmethod
    def get_queryset(
        cls, queryset: OrganizationInvitationQuerySet, info: Info
    ) -> OrganizationInvitationQuerySet:
        """Whatever leads to invitations leads to visible ones only, the newest first."""
        return queryset.visible_to(info.context.actor).order_by("-pk")
