"""Queries of webhooks."""

from collections.abc import Iterable

import strawberry

from schema.context import Info
from schema.nodes import NodeId, node_key, single_row
from schema.query import keyset_connection, query_field
from schema.webhooks.types import Webhook, WebhookConnection
from users.accounts.policy import require
from users.scopes import Scope
from users.webhooks import models
from users.webhooks.policy import may_list_webhooks


@strawberry.type
class WebhooksQuery:
    """Webhooks."""

    @query_field(scope=Scope.WEBHOOKS_READ)
    def webhook(self, id: NodeId) -> Webhook | None:
        """Look up a webhook by `id`; null if none is visible to you."""
        return single_row(models.Webhook.objects.all(), node_key(id, "Webhook"))

    @keyset_connection(WebhookConnection, scope=Scope.WEBHOOKS_READ)
    def webhooks(self, info: Info) -> Iterable[Webhook]:
        """Webhooks, newest first: all for administrators.

        Those of the organisations that you manage for others.
        """
        require(info.context.actor, may_list_webhooks)
        return models.Webhook.objects.order_by("-id")
