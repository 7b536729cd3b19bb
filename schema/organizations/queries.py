"""Queries of organisations."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from core.database.search.texts import words_of
from schema.context import Info
from schema.entities import ORGANIZATION, by_id
from schema.nodes import NodeId, node_key, single_row
from schema.organizations.types import Organization, OrganizationConnection, OrganizationOrder
from schema.query import keyset_connection, query_field
from users.accounts.policy import require
from users.organizations import models
from users.organizations.policy import may_look_up
from users.scopes import Scope


@strawberry.type
class OrganizationsQuery:
    """Organisations."""

    @query_field(scope=Scope.ORGANIZATIONS_READ, depends_on=by_id(ORGANIZATION, "Organization"))
    def organization(self, id: NodeId) -> Organization | None:
        """Look up an organisation by `id`; null if none is visible to you."""
        return single_row(models.Organization.objects.all(), node_key(id, "Organization"))

    @keyset_connection(OrganizationConnection, scope=Scope.ORGANIZATIONS_READ)
    def organizations(
        self,
        info: Info,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words to find in names. Every word must match a part of a word; one "
                "or two letters match its beginning."
            ),
        ] = None,
        order_by: Annotated[
            OrganizationOrder | None,
            strawberry.argument(description="Sort order. Default: by name."),
        ] = None,
    ) -> Iterable[Organization]:
        """Organisations: all for staff, your own for others."""
        require(info.context.actor, may_look_up)
        order = order_by or OrganizationOrder()
        organizations = models.Organization.objects.in_order(
            order.field, descending=order.is_descending
        )
        if search and search.strip():
            organizations = organizations.matching_words(words_of(search), info.context.actor)
        return organizations
