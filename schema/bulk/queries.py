"""Queries of bulk actions."""

from collections.abc import Iterable

import strawberry

from schema.bulk.types import BulkAction, BulkActionConnection
from schema.context import Info
from schema.nodes import NodeId, node_key, single_row
from schema.query import keyset_connection, query_field
from users.accounts.policy import require
from users.bulk import models
from users.jobs.policy import may_list_jobs
from users.scopes import Scope


@strawberry.type
class BulkQuery:
    """Bulk actions."""

    @query_field(scope=Scope.USERS_WRITE)
    def bulk_action(self, id: NodeId) -> BulkAction | None:
        """Look up a bulk action by `id`; null if none is visible to you."""
        return single_row(models.BulkAction.objects.all(), node_key(id, "BulkAction"))

    @keyset_connection(BulkActionConnection, scope=Scope.USERS_WRITE)
    def bulk_actions(self, info: Info) -> Iterable[BulkAction]:
        """Bulk actions, newest first: all for administrators, your own for others."""
        require(info.context.actor, may_list_jobs)
        return models.BulkAction.objects.order_by("-id")
