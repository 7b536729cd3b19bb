"""Mutations of webhooks and their deliveries."""

import datetime as dt
from typing import Any, Self
from uuid import UUID

import strawberry

from schema.context import Info
from schema.errors import Payload
from schema.mutation import mutation
from schema.nodes import global_id, node_key
from schema.organizations.types import NO_ORGANIZATION
from schema.payloads import changed_object, deleted_id
from schema.scopes import NoScope
from schema.webhooks.types import Webhook, WebhookDelivery
from users.activity.tags import Tag
from users.scopes import Scope
from users.webhooks import models
from users.webhooks.payloads import DEFAULT_SELECTION
from users.webhooks.services.deliveries import redeliver_webhook, send_test_webhook
from users.webhooks.services.webhooks import (
    NewSecret,
    create_webhook,
    delete_webhook,
    rotate_webhook_secret,
    update_webhook,
)

URL = "URL that receives the events: `https`, without credentials; at most 500 characters."
TAGS = (
    "Kinds of events to receive; at least one. Of an organisation, those that begin with "
    "`ORGANIZATION_`, `MEMBER_` or `WEBHOOK_`."
)
SELECTION = (
    "GraphQL selection on `Event`: what is sent of an event, as `data`. At most 5,000 characters, "
    "and ten points."
)
WEBHOOK_ID = "`id` of the webhook."


@strawberry.input
class CreateWebhookInput:
    """A new webhook of an organisation or of the service."""

    organization_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="`id` of the organisation whose events to receive. Without it, those of the "
        "service; administrators only.",
    )
    url: str = strawberry.field(description=URL)
    tags: list[Tag] = strawberry.field(description=TAGS)
    selection: str = strawberry.field(default=DEFAULT_SELECTION, description=SELECTION)


@strawberry.input
class WebhookIdInput:
    """The webhook."""

    webhook_id: strawberry.ID = strawberry.field(description=WEBHOOK_ID)


@strawberry.input
class UpdateWebhookInput(WebhookIdInput):
    """Fields to change; omitted fields keep their values."""

    url: strawberry.Maybe[str | None] = strawberry.field(description=URL)
    tags: strawberry.Maybe[list[Tag] | None] = strawberry.field(description=TAGS)
    selection: strawberry.Maybe[str | None] = strawberry.field(description=SELECTION)
    is_enabled: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether it receives events. Once enabled again, it receives later ones only."
    )

    def provided_values(self) -> dict[str, Any]:
        """Return the values that the client sent."""
        names = ("url", "tags", "selection", "is_enabled")
        given = {name: getattr(self, name) for name in names}
        return {name: some.value for name, some in given.items() if some}


@strawberry.input
class DeleteWebhookInput(WebhookIdInput):
    """The webhook to delete."""


@strawberry.input
class SendTestWebhookInput(WebhookIdInput):
    """The webhook to test."""


@strawberry.input
class RotateWebhookSecretInput(WebhookIdInput):
    """The webhook whose secret to replace."""

    overlap_minutes: int = strawberry.field(
        default=1_440,
        description="How long the previous secret signs as well, in minutes, up to 10,080 (a "
        "week). With 0 it ends immediately.",
    )


@strawberry.input
class RedeliverWebhookInput:
    """The delivery to repeat."""

    delivery_id: strawberry.ID = strawberry.field(description="`id` of the delivery.")


@strawberry.type
class WebhookPayload(Payload):
    """The webhook after the mutation."""

    webhook_id: strawberry.Private[UUID | None] = None
    webhook: Webhook | None = changed_object(models.Webhook, "webhook_id")


@strawberry.type
class WebhookSecretPayload(WebhookPayload):
    """A webhook, and its new secret."""

    secret: str | None = strawberry.field(
        default=None,
        description="Secret by which to verify signatures (Standard Webhooks). Shown once: store "
        "it securely.",
    )

    @classmethod
    def of(cls, new: NewSecret) -> Self:
        """Build the payload of a new secret."""
        return cls(webhook_id=new.webhook.pk, secret=new.secret)


@strawberry.type
class DeleteWebhookPayload(Payload):
    """The webhook that is gone."""

    deleted_webhook_id: strawberry.ID | None = deleted_id("webhook")


@strawberry.type
class WebhookDeliveryPayload(Payload):
    """The delivery after the mutation."""

    delivery_id: strawberry.Private[UUID | None] = None
    delivery: WebhookDelivery | None = changed_object(models.WebhookDelivery, "delivery_id")


@strawberry.type
class WebhooksMutation:
    """Webhooks of organisations and of the service."""

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def create_webhook(self, info: Info, input: CreateWebhookInput) -> WebhookSecretPayload:
        """Have events sent to a URL, as you may see them.

        For owners and administrators of the organisation; without one, for administrators. The
        secret is shown once.
        """
        id_ = input.organization_id
        new = create_webhook(
            None if id_ is None else node_key(id_, "Organization") or NO_ORGANIZATION,
            actor=info.context.actor,
            url=input.url,
            tags=input.tags,
            selection=input.selection,
        )
        return WebhookSecretPayload.of(new)

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def update_webhook(self, info: Info, input: UpdateWebhookInput) -> WebhookPayload:
        """Change a webhook of yours; enable or disable one that you manage."""
        webhook = update_webhook(
            node_key(input.webhook_id, "Webhook"),
            actor=info.context.actor,
            **input.provided_values(),
        )
        return WebhookPayload(webhook_id=webhook.pk)

    @mutation(scope=Scope.WEBHOOKS_WRITE, reauthenticate=False)
    def delete_webhook(self, info: Info, input: DeleteWebhookInput) -> DeleteWebhookPayload:
        """Delete a webhook with the log of its deliveries."""
        key = node_key(input.webhook_id, "Webhook")
        delete_webhook(key, actor=info.context.actor)
        return DeleteWebhookPayload(deleted_webhook_id=global_id("Webhook", key))

    @mutation(scope=NoScope.INTERACTIVE, reauthenticate=True)
    def rotate_webhook_secret(
        self, info: Info, input: RotateWebhookSecretInput
    ) -> WebhookSecretPayload:
        """Replace the secret of a webhook of yours; both sign for `overlapMinutes`.

        The secret is shown once.
        """
        new = rotate_webhook_secret(
            node_key(input.webhook_id, "Webhook"),
            actor=info.context.actor,
            overlap=dt.timedelta(minutes=input.overlap_minutes),
        )
        return WebhookSecretPayload.of(new)

    @mutation(scope=Scope.WEBHOOKS_WRITE, reauthenticate=False)
    def send_test_webhook(self, info: Info, input: SendTestWebhookInput) -> WebhookDeliveryPayload:
        """Send the event `WEBHOOK_TESTED` to a webhook, whatever it has chosen.

        `delivery` reports how it ends.
        """
        key = node_key(input.webhook_id, "Webhook")
        delivery = send_test_webhook(key, actor=info.context.actor)
        return WebhookDeliveryPayload(delivery_id=delivery.pk)

    @mutation(scope=Scope.WEBHOOKS_WRITE, reauthenticate=False)
    def redeliver_webhook(self, info: Info, input: RedeliverWebhookInput) -> WebhookDeliveryPayload:
        """Send an event to its webhook again, under the same `webhook-id`."""
        key = node_key(input.delivery_id, "WebhookDelivery")
        delivery = redeliver_webhook(key, actor=info.context.actor)
        return WebhookDeliveryPayload(delivery_id=delivery.pk)
