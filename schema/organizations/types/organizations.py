"""The types of organisations and memberships."""

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
from users.organizations.models import MembershipQuerySet, OrganizationQuerySet

if TYPE_CHECKING:
    from schema.accounts.types.users import User


def _own_role(info: Info) -> Subquery:
    own = models.Membership.objects.of(info.context.actor)
    return Subquery(own.filter(organization_id=OuterRef("pk")).values("role"))


@strawberry_django.type(models.Membership)
class Membership:
    """A membership: a user's role in an organisation."""

    user: Annotated["User", strawberry.lazy("schema.accounts.types.users")] | None = (
        strawberry_django.field(description="The member; null if not visible to you.")
    )
    organization: Annotated["Organization", strawberry.lazy(__name__)] = strawberry_django.field(
        description="The organisation."
    )
    role: models.Role = strawberry_django.field(description="Role of the member.")
    created_at: auto = strawberry_django.field(description="When the user joined.")

    @classmethod
    def get_queryset(cls, queryset: MembershipQuerySet, info: Info) -> MembershipQuerySet:
        """Restrict every access path to visible memberships."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class MembershipConnection(KeysetConnection[Membership]):  # type: ignore[type-var]  # not a Node
    """A page of memberships, oldest first."""


@strawberry_django.type(models.Organization)
class Organization(relay.Node):
    """An organisation of users, such as a company or a team."""

    id: relay.NodeID[UUID]
    name: auto = strawberry_django.field(description="Name; not necessarily unique.")
    created_at: auto = strawberry_django.field(description="When the organisation was created.")
    my_role: models.Role | None = strawberry_django.field(
        annotate=_own_role, description="Your role; null if you are not a member."
    )
    invitations: list[OrganizationInvitation] = strawberry_django.field(
        description="Pending invitations, newest first. Visible to the organisation's owners and "
        "administrators, and to staff; empty for others."
    )

    @nested_connection(MembershipConnection, parent="organization")
    def members(
        self,
        role: Annotated[
            models.Role | None,
            strawberry.argument(description="Role to filter by. Default: all roles."),
        ] = None,
    ) -> Iterable[Membership]:
        """Memberships, oldest first."""
        members = models.Membership.objects.in_order()
        return members.filter(role=role) if role else members

    @classmethod
    def get_queryset(cls, queryset: OrganizationQuerySet, info: Info) -> OrganizationQuerySet:
        """Restrict every access path to visible organisations."""
        return queryset.visible_to(info.context.actor)
