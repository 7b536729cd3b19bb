"""Queries about organisations."""

import strawberry
import strawberry_django
from strawberry import relay

from schema.nodes import node_key
from schema.organizations.types import Organization
from users.organizations import models


@strawberry.type
class OrganizationsQuery:
    """Who belongs together."""

    @strawberry_django.field(
        description="An organisation by id; null if there is none to be seen."
    )
    def organization(self, id: relay.GlobalID) -> Organization | None:  # noqa: A002
        """Look an organisation up."""
        return models.Organization.objects.filter(  # type: ignore[return-value]
            pk=node_key(id, "Organization")
        )
