"""Queries about organisations."""

from collections.abc import Iterable
from typing import Annotated

import strawberry
import strawberry_django

from schema.connections import Direction, keyset_connection
from schema.context import Info
from schema.nodes import NodeId, node_key, one
from schema.organizations.pages import OrganizationConnection, OrganizationOrder
from schema.organizations.types import Organization
from users.organizations import models
from users.organizations.policy import may_belong, require


@strawberry.type
class OrganizationsQuery:
    """Who belongs together."""

    @strawberry_django.field(description="An organisation by id; null if there is none to be seen.")
    def organization(self, id: NodeId) -> Organization | None:
        """Look an organisation up."""
        return one(models.Organization.objects.all(), node_key(id, "Organization"))

    @keyset_connection(
        OrganizationConnection,
        description="Organisations: all for staff, those that they belong to for others.",
    )
    def organizations(
        self,
        info: Info,
        order_by: Annotated[
            OrganizationOrder | None, strawberry.argument(description="By name, if not given.")
        ] = None,
    ) -> Iterable[Organization]:
        """Page through the organisations."""
        require(info.context.actor, may_belong)
        order = order_by or OrganizationOrder()
        descending = order.direction is Direction.DESC
        return models.Organization.objects.in_order(order.field, descending=descending)
