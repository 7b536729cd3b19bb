"""The connection of organisations, and its order."""

import strawberry

from engine.relay.connection import KeysetConnection
from engine.relay.order import Order
from schema.enums import describe_enum
from schema.organizations.types.organizations import Organization
from users.organizations.orders import OrganizationOrderField

describe_enum(
    OrganizationOrderField,
    {
        OrganizationOrderField.NAME: "Order by name, case-insensitively.",
        OrganizationOrderField.CREATED: "Order by creation.",
    },
)


@strawberry.input
class OrganizationOrder(Order):
    """Sort order of organisations."""

    field: OrganizationOrderField = strawberry.field(
        default=OrganizationOrderField.NAME, description="Field to order by."
    )


@strawberry.type
class OrganizationConnection(KeysetConnection[Organization]):
    """A page of organisations."""
