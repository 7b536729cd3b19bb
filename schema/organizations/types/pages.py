"""The list of organisations in GraphQL."""

import strawberry

from engine.relay.connection import KeysetConnection, Order
from schema.enums import describe_enum
from schema.organizations.types.organizations import Organization
from users.organizations.orders import OrganizationOrderField

describe_enum(
    OrganizationOrderField,
    {
        OrganizationOrderField.NAME: "The name, whatever its case.",
        OrganizationOrderField.CREATED: "When they were made.",
    },
)


@strawberry.input
class OrganizationOrder(Order):
    """An order of organisations."""

    field: OrganizationOrderField = strawberry.field(
        default=OrganizationOrderField.NAME, description="By what."
    )


@strawberry.type
class OrganizationConnection(KeysetConnection[Organization]):
    """A page of organisations, in the order that was asked for."""
