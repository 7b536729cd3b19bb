"""The types of organisations, memberships and invitations."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import strawberry
import strawberry_django
from django.db.models import OuterRef, Subquery
from strawberry import auto, relay

from engine.fields.dependencies import COVERED
from engine.relay.connection import KeysetConnection
from engine.relay.nested import nested_connection
from engine.relay.order import Order
from schema.accounts.types.users import User
from schema.activity.types import Event, EventConnection
from schema.context import Info
from schema.enums import describe_enum
from schema.nodes import node_key, renamed
from schema.organizations.loaders import own_roles
from users.accounts.models import User as UserModel
from users.organizations import models
from users.organizations.models import (
    MembershipQuerySet,
    OrganizationInvitationQuerySet,
    OrganizationQuerySet,
)
from users.organizations.orders import OrganizationOrderField
from users.organizations.policy import may_delete, may_manage, may_own

# A key that no row has: an id of another type matches nothing.
NO_ORGANIZATION: Final = UUID(int=0)

# Not the labels: they are translated, so the description would depend on the first request.
describe_enum(
    models.Role,
    {
        models.Role.OWNER: "Renames and deletes the organisation, and manages members and roles.",
        models.Role.ADMIN: "Invites and removes members with the role `MEMBER`.",
        models.Role.MEMBER: "Belongs to the organisation, without further rights.",
    },
)
describe_enum(
    OrganizationOrderField,
    {
        OrganizationOrderField.NAME: "Order by name, case-insensitively.",
        OrganizationOrderField.CREATED: "Order by creation.",
    },
)


@strawberry_django.type(models.OrganizationInvitation)
class OrganizationInvitation(relay.Node):
    """A pending invitation to an organisation."""

    id: relay.NodeID[UUID]
    email: auto = strawberry_django.field(description="Invited address.")
    role: models.Role = strawberry_django.field(description="Role after joining.")
    inviter: User | None = strawberry_django.field(
        description="User who sent the invitation; null if not visible to you."
    )
    created_at: auto = strawberry_django.field(description="When the invitation was sent.")
    expires_at: auto = strawberry_django.field(description="When the invitation expires.")

    @classmethod
    def get_queryset(
        cls, queryset: OrganizationInvitationQuerySet, info: Info
    ) -> OrganizationInvitationQuerySet:
        """Restrict every access path to visible invitations, newest first."""
        return queryset.visible_to(info.context.actor).order_by("-pk")


def _own_role(info: Info) -> Subquery:
    own = models.Membership.objects.of(info.context.actor)
    return Subquery(own.filter(organization_id=OuterRef("pk")).values("role"))


@strawberry_django.type(models.Membership)
class Membership(relay.Node):
    """A membership: a user's role in an organisation."""

    id: relay.NodeID[UUID]
    user: User | None = strawberry_django.field(
        description="The member; null if not visible to you."
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
class MembershipConnection(KeysetConnection[Membership]):
    """A page of memberships, oldest first."""


@strawberry_django.type(models.Organization)
class Organization(relay.Node):
    """An organisation of users, such as a company or a team."""

    id: relay.NodeID[UUID]
    name: auto = strawberry_django.field(description="Name; not necessarily unique.")
    created_at: auto = strawberry_django.field(description="When the organisation was created.")
    my_role: models.Role | None = strawberry_django.field(
        annotate=_own_role,
        description="Your role; null if you are not a member.",
        metadata=COVERED,
    )
    invitations: list[OrganizationInvitation] = strawberry_django.field(
        description="Pending invitations, newest first. Visible to the organisation's owners and "
        "administrators, and to staff; empty for others."
    )

    @strawberry_django.field(only=["pk"], metadata=COVERED)
    def viewer_can_update(self: models.Organization, info: Info) -> bool:
        """Whether you may rename the organisation and change roles."""
        return may_own(info.context.actor, info.context.load(own_roles, self))

    @strawberry_django.field(only=["pk"], metadata=COVERED)
    def viewer_can_manage(self: models.Organization, info: Info) -> bool:
        """Whether you may invite and remove members with the role `MEMBER`."""
        role = info.context.load(own_roles, self)
        return may_manage(info.context.actor, role, models.Role.MEMBER)

    @strawberry_django.field(only=["pk"], metadata=COVERED)
    def viewer_can_delete(self: models.Organization, info: Info) -> bool:
        """Whether you may delete the organisation."""
        return may_delete(info.context.actor, info.context.load(own_roles, self))

    @nested_connection(MembershipConnection, parent="organization", metadata=COVERED)
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

    @nested_connection(EventConnection, parent="organization")
    def events(self, info: Info) -> Iterable[Event]:
        """Events about the organisation, newest first.

        Visible to the organisation's owners and administrators, and to administrators of the
        service; empty for others.
        """
        return models.organization_events(info.context.actor).order_by("-id")

    @classmethod
    def get_queryset(cls, queryset: OrganizationQuerySet, info: Info) -> OrganizationQuerySet:
        """Restrict every access path to visible organisations."""
        return queryset.visible_to(info.context.actor)


@strawberry.input
class OrganizationOrder(Order):
    """Sort order of organisations."""

    field: OrganizationOrderField = strawberry.field(
        default=OrganizationOrderField.NAME, description="Field to order by."
    )


@strawberry.input
class MembershipFilter:
    """A membership condition; both fields must match the same membership."""

    organization_id: strawberry.ID | None = strawberry.field(
        default=None, description="`id` of the organisation. Default: any."
    )
    organization: strawberry.ID | None = strawberry.field(
        default=None,
        description="`id` of the organisation. Default: any.",
        deprecation_reason=renamed("organizationId"),
    )
    role: models.Role | None = strawberry.field(
        default=None, description="Role in the organisation. Default: any."
    )

    def to_conditions(self) -> dict[str, Any]:
        """Convert to the conditions of a `UserFilterSpec`."""
        conditions: dict[str, Any] = {}
        id_ = self.organization if self.organization_id is None else self.organization_id
        if id_ is not None:
            key = node_key(id_, "Organization")
            conditions["organization"] = key or NO_ORGANIZATION
        if self.role is not None:
            conditions["role"] = self.role
        return conditions

    @staticmethod
    def conditions_to_json(conditions: Mapping[str, Any]) -> dict[str, Any]:
        """Convert conditions to JSON, the inverse of `to_conditions`."""
        given: dict[str, Any] = {}
        if "organization" in conditions:
            key = str(conditions["organization"])
            given["organization"] = str(relay.GlobalID("Organization", key))
        if "role" in conditions:
            given["role"] = models.Role(conditions["role"]).name
        return given


@strawberry.type
class OrganizationConnection(KeysetConnection[Organization]):
    """A page of organisations."""


@strawberry_django.type(UserModel)
class OrganizationsFields:
    """The fields of `User` about organisations."""

    @nested_connection(MembershipConnection, parent="user", metadata=COVERED)
    def memberships(self) -> Iterable[Membership]:
        """Memberships in organisations that are visible to you."""
        return models.Membership.objects.in_order()
