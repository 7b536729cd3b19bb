"""Organisations and memberships in GraphQL."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
import strawberry_django
from django.db.models import OuterRef, Subquery
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from engine.relay.nested import nested_connection
from schema.context import Info
from schema.organizations.types.invitations import OrganizationInvitation
from users.organizations import models
from users.organizations.querysets import MembershipQuerySet, OrganizationQuerySet

if TYPE_CHECKING:
    from schema.accounts.types.users import User


def _own_role(info: Info) -> Subquery:
    own = models.Membership.objects.of(info.context.actor)
    return Subquery(own.filter(organization_id=OuterRef("pk")).values("role"))


@strawberry_django.type(models.Membership)
class Membership:
    """A person's role in an organisation."""

    user: Annotated["User", strawberry.lazy("schema.accounts.types.users")] | None = (
        strawberry_django.field(description="Who; null for whom you may not see.")
    )
    organization: Annotated["Organization", strawberry.lazy(__name__)] = strawberry_django.field(
        description="Where."
    )
    role: models.Role = strawberry_django.field(description="As what.")
    created_at: auto = strawberry_django.field(description="Since when.")

    @classmethod
    def get_queryset(cls, queryset: MembershipQuerySet, info: Info) -> MembershipQuerySet:
        """Whatever leads to memberships leads to visible ones only."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class MembershipConnection(KeysetConnection[Membership]):  # type: ignore[type-var]  # not a Node
    """A page of memberships, the oldest first."""


@strawberry_django.type(models.Organization)
class Organization(relay.Node):
    """A company, a club, a team."""

    id: relay.NodeID[UUID]
    name: auto = strawberry_django.field(description="What it is called.")
    created_at: auto = strawberry_django.field(description="Since when it is here.")
    my_role: models.Role | None = strawberry_django.field(
        annotate=_own_role, description="What you are there; null if you do not belong to it."
    )
    invitations: list[OrganizationInvitation] = strawberry_django.field(
        description="Who was invited and has not answered, newest first; for its owners and "
        "administrators, and for staff. Others find none."
    )

    @nested_connection(MembershipConnection, parent="organization")
    def members(
        self,
        role: Annotated[
            models.Role | None,
            strawberry.argument(description="Only those of this role; all, if not given."),
        ] = None,
    ) -> Iterable[Membership]:
        """Who belongs to it."""
        members = models.Membership.objects.in_order()
        return members.filter(role=role) if role else members

    @classmethod
    def get_queryset(cls, queryset: OrganizationQuerySet, info: Info) -> OrganizationQuerySet:
        """Whatever leads to organisations leads to visible ones only."""
        return queryset.visible_to(info.context.actor)
