"""Which changes of webhooks touch which entities: none."""

from core.versions.touches import TouchesNothing, register_touches
from users.webhooks.models import Webhook, WebhookDelivery

register_touches(
    TouchesNothing(Webhook, "Changed by each batch of deliveries."),
    TouchesNothing(WebhookDelivery, "Changed by each attempt."),
)
