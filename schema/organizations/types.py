"""Organisations and memberships in GraphQL."""

from uuid import UUID

import strawberry_django
from strawberry import auto, relay

from schema.context import Info
from schema.enums import describe_enum
from users.organizations import models
from users.organizations.querysets import MembershipQuerySet, OrganizationQuerySet

# Not the labels: those are translated, and into the language of whoever asks first.
describe_enum(
    models.Role,
    "What a member may do inside.",
    {
        models.Role.OWNER: "The organisation is theirs.",
        models.Role.ADMIN: "Manages the organisation.",
        models.Role.MEMBER: "Belongs to the organisation.",
    },
)


@strawberry_django.type(models.Organization, description="A company, a club, a team.")
class Organization(relay.Node):
    """An organisation; its members and staff see it."""

    id: relay.NodeID[UUID]
    name: auto = strawberry_django.field(description="What it is called.")
    created_at: auto = strawberry_django.field(description="Since when it is here.")

    @classmethod
    def get_queryset(cls, queryset: OrganizationQuerySet, info: Info) -> OrganizationQuerySet:
        """Whatever leads to organisations leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


@strawberry_django.type(models.Membership, description="A person's role in an organisation.")
class Membership:
    """A membership; the organisation's members and staff see it."""

    organization: Organization = strawberry_django.field(description="Where.")
    role: models.Role = strawberry_django.field(description="As what.")
    created_at: auto = strawberry_django.field(description="Since when.")

    @classmethod
    def get_queryset(cls, queryset: MembershipQuerySet, info: Info) -> MembershipQuerySet:
        """Whatever leads to memberships leads to visible ones only."""
        return queryset.visible_to(info.context.actor)
