"""The types of webhooks and their deliveries."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

import strawberry
import strawberry_django
from strawberry import auto, relay

from engine.relay.connection import KeysetConnection
from engine.relay.nested import nested_connection
from schema.accounts.types.users import User
from schema.activity.types import Event
from schema.context import Info
from schema.enums import describe_enum
from schema.organizations.loaders import own_roles
from schema.organizations.types import Organization
from users.activity.tags import Tag
from users.organizations.models import Organization as OrganizationModel
from users.webhooks import models
from users.webhooks.models import WebhookDeliveryQuerySet, WebhookQuerySet
from users.webhooks.policy import may_change_webhook, may_create_webhooks
from users.webhooks.states import WebhookDeliveryError, WebhookDeliveryState, WebhookDisabledReason

describe_enum(
    WebhookDisabledReason,
    {
        WebhookDisabledReason.BY_USER: "A user disabled it.",
        WebhookDisabledReason.OWNER_INACTIVE: "The owner was suspended or deleted, or must set up "
        "a second factor first.",
        WebhookDisabledReason.OWNER_LOST_ROLE: "The owner no longer manages the organisation or "
        "the service.",
        WebhookDisabledReason.FAILING: "No delivery succeeded for days (`WEBHOOK_FAILING_DAYS`).",
        WebhookDisabledReason.GONE: "The receiver answered 410: it wants no more events.",
        WebhookDisabledReason.SELECTION_INVALID: "The schema has changed, so that the selection is "
        "no longer valid.",
    },
)
describe_enum(
    WebhookDeliveryState,
    {
        WebhookDeliveryState.PENDING: "Waiting for an attempt.",
        WebhookDeliveryState.SUCCEEDED: "The receiver answered 200 to 299.",
        WebhookDeliveryState.FAILED: "Not attempted again, unless by `redeliverWebhook`.",
    },
)
describe_enum(WebhookDeliveryError)


@strawberry_django.type(models.WebhookDelivery)
class WebhookDelivery(relay.Node):
    """An event on its way to a webhook, and how the last attempt ended."""

    id: relay.NodeID[UUID]
    event: Event | None = strawberry_django.field(
        description="The event; null if not visible to you."
    )
    state: WebhookDeliveryState = strawberry_django.field(description="Current state.")
    attempts: auto = strawberry_django.field(description="Number of attempts.")
    created_at: auto = strawberry_django.field(description="When the event was queued.")
    attempted_at: auto = strawberry_django.field(
        description="When the last attempt ended; null before."
    )
    next_attempt_at: auto = strawberry_django.field(
        description="When the next attempt is due; null if there is none. It waits for earlier "
        "deliveries about the same subject."
    )
    status_code: auto = strawberry_django.field(
        description="HTTP status of the last response; null without one."
    )
    duration_ms: auto = strawberry_django.field(
        description="Duration of the last request, in milliseconds; null without one."
    )

    @strawberry_django.field(only=["error"])
    def error(self: models.WebhookDelivery) -> WebhookDeliveryError | None:
        """Why the last attempt failed; null if it succeeded, and before."""
        return WebhookDeliveryError(self.error) if self.error else None  # type: ignore[call-arg]

    @classmethod
    def get_queryset(cls, queryset: WebhookDeliveryQuerySet, info: Info) -> WebhookDeliveryQuerySet:
        """Restrict every access path to visible deliveries."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class WebhookDeliveryConnection(KeysetConnection[WebhookDelivery]):
    """A page of deliveries, newest first."""


@strawberry_django.type(models.Webhook)
class Webhook(relay.Node):
    """A URL to which chosen events are sent, as its owner may see them."""

    id: relay.NodeID[UUID]
    organization: Organization | None = strawberry_django.field(
        description="Organisation whose events it receives; null for those of the service."
    )
    owner: User | None = strawberry_django.field(
        description="User who created it, with whose rights payloads are read; null if erased or "
        "not visible to you."
    )
    url: auto = strawberry_django.field(description="URL that receives the events.")
    tags: list[Tag] = strawberry_django.field(description="Kinds of events that it receives.")
    selection: auto = strawberry_django.field(
        description="GraphQL selection on `Event`: what is sent of an event, as `data`."
    )
    created_at: auto = strawberry_django.field(description="When it was created.")
    disabled_at: auto = strawberry_django.field(
        description="When it was disabled; null if it is enabled."
    )
    failing_since: auto = strawberry_django.field(
        description="Since when no delivery has succeeded; null after a success."
    )
    previous_secret_expires_at: auto = strawberry_django.field(
        description="Until when the previous secret signs as well; null without one."
    )

    @strawberry_django.field(only=["disabled_at"])
    def is_enabled(self: models.Webhook) -> bool:
        """Whether it receives events."""
        return self.is_enabled

    @strawberry_django.field(only=["disabled_reason"])
    def disabled_reason(self: models.Webhook) -> WebhookDisabledReason | None:
        """Why it is disabled; null if it is enabled."""
        return WebhookDisabledReason(self.disabled_reason) if self.disabled_reason else None

    @strawberry_django.field(only=["owner_id"])
    def viewer_can_update(self: models.Webhook, info: Info) -> bool:
        """Whether you may change URL, events and selection, and rotate the secret."""
        return may_change_webhook(info.context.actor, self.owner_id)

    @nested_connection(WebhookDeliveryConnection, parent="webhook")
    def deliveries(
        self,
        state: Annotated[
            WebhookDeliveryState | None,
            strawberry.argument(description="State to filter by. Default: all states."),
        ] = None,
    ) -> Iterable[WebhookDelivery]:
        """Deliveries, newest first; kept for some days (`WEBHOOK_DELIVERY_DAYS`)."""
        deliveries = models.WebhookDelivery.objects.order_by("-id")
        return deliveries.filter(state=state) if state else deliveries

    @classmethod
    def get_queryset(cls, queryset: WebhookQuerySet, info: Info) -> WebhookQuerySet:
        """Restrict every access path to visible webhooks."""
        return queryset.visible_to(info.context.actor)


@strawberry.type
class WebhookConnection(KeysetConnection[Webhook]):
    """A page of webhooks, newest first."""


@strawberry_django.type(OrganizationModel)
class WebhooksFields:
    """The fields of `Organization` about webhooks."""

    @strawberry_django.field(only=["pk"])
    def viewer_can_create_webhooks(self: OrganizationModel, info: Info) -> bool:
        """Whether you may create webhooks of the organisation."""
        return may_create_webhooks(info.context.actor, info.context.load(own_roles, self))

    @nested_connection(WebhookConnection, parent="organization")
    def webhooks(self) -> Iterable[Webhook]:
        """Webhooks of the organisation, newest first.

        Visible to its owners and administrators, and to administrators of the service; empty for
        others.
        """
        return models.Webhook.objects.order_by("-id")
