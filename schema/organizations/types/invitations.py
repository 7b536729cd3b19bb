"""The type of invitations to organisations."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from schema.context import Info
from schema.enums import describe_enum
from users.organizations import models
from users.organizations.models import OrganizationInvitationQuerySet

if TYPE_CHECKING:
    from schema.accounts.types.users import User

# Not the labels: they are translated, so the description would depend on the first request.
describe_enum(
    models.Role,
    {
        models.Role.OWNER: "Renames and deletes the organisation, and manages members and roles.",
        models.Role.ADMIN: "Invites and removes members with the role `MEMBER`.",
        models.Role.MEMBER: "Belongs to the organisation, without further rights.",
    },
)


@strawberry_django.type(models.OrganizationInvitation)
class OrganizationInvitation(relay.Node):
    """A pending invitation to an organisation."""

    id: relay.NodeID[UUID]
    email: auto = strawberry_django.field(description="Invited address.")
    role: models.Role = strawberry_django.field(description="Role after joining.")
    inviter: Annotated["User", strawberry.lazy("schema.accounts.types.users")] | None = (
        strawberry_django.field(
            description="User who sent the invitation; null if not visible to you."
        )
    )
    created_at: auto = strawberry_django.field(description="When the invitation was sent.")
    expires_at: auto = strawberry_django.field(description="When the invitation expires.")

    @classmethod
    def get_queryset(
        cls, queryset: OrganizationInvitationQuerySet, info: Info
    ) -> OrganizationInvitationQuerySet:
        """Restrict every access path to visible invitations, newest first."""
        return queryset.visible_to(info.context.actor).order_by("-pk")
