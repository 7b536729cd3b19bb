"""Queries about organisations."""

import strawberry
import strawberry_django

from schema.nodes import NodeId, node_key, one
from schema.organizations.types import Organization
from users.organizations import models


@strawberry.type
class OrganizationsQuery:
    """Who belongs together."""

    @strawberry_django.field(description="An organisation by id; null if there is none to be seen.")
    def organization(self, id: NodeId) -> Organization | None:
        """Look an organisation up."""
        return one(models.Organization.objects.all(), node_key(id, "Organization"))
