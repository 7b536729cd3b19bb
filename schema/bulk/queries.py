"""Queries about bulk actions."""

from collections.abc import Iterable

import strawberry
import strawberry_django

from schema.bulk.types import BulkAction, BulkActionConnection
from schema.connections import keyset_connection
from schema.context import Info
from schema.nodes import NodeId, node_key, one
from users.accounts.policy import require
from users.bulk import models
from users.bulk.policy import may_list_bulk_actions


@strawberry.type
class BulkQuery:
    """What is done to many people."""

    @strawberry_django.field(description="A bulk action by id; null if there is none to be seen.")
    def bulk_action(self, id: NodeId) -> BulkAction | None:
        """Look one up."""
        return one(models.BulkAction.objects.all(), node_key(id, "BulkAction"))

    @keyset_connection(
        BulkActionConnection,
        description="Bulk actions, newest first: all for administrators, their own for others.",
    )
    def bulk_actions(self, info: Info) -> Iterable[BulkAction]:
        """Page through them."""
        require(info.context.actor, may_list_bulk_actions)
        return models.BulkAction.objects.order_by("-id")
