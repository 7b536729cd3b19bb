"""Webhooks, managed over the API and delivered as by a worker."""

import datetime as dt
from typing import Any, Final

import standardwebhooks

from core.outbox.models import OutboxMessage
from core.outbox.tasks import deliver
from core.security.actor import Actor
from tests.support.client import Answer, GraphQLClient
from tests.support.factories import node_id
from tests.support.receivers import Received, Receiver
from users.accounts.models import User
from users.activity.models import Event
from users.activity.services.record import record
from users.activity.tags import Tag
from users.organizations.models import Organization
from users.webhooks.client import Outcome, Request, Sender
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.tasks import dispatch_webhooks

URL: Final = "https://example.org/hook?token=canary"
# Names a delivered event by its subject and its data.
BY_NAME: Final = "{ subject { username } data }"
WEBHOOK: Final = """
    id url tags selection isEnabled disabledReason viewerCanUpdate previousSecretExpiresAt
    organization { name } owner { username }
"""
DELIVERY: Final = "id state attempts statusCode error nextAttemptAt event { tag }"
ERRORS: Final = "errors { code field message }"
CREATE: Final = f"""
    mutation ($input: CreateWebhookInput!) {{ createWebhook(input: $input) {{
      webhook {{ {WEBHOOK} }} secret {ERRORS}
    }} }}
"""
UPDATE: Final = f"""
    mutation ($input: UpdateWebhookInput!) {{ updateWebhook(input: $input) {{
      webhook {{ {WEBHOOK} }} {ERRORS}
    }} }}
"""
DELETE: Final = f"""
    mutation ($id: ID!) {{ deleteWebhook(input: {{webhookId: $id}}) {{
      deletedWebhookId {ERRORS}
    }} }}
"""
ROTATE: Final = f"""
    mutation ($id: ID!, $minutes: Int! = 1440) {{
      rotateWebhookSecret(input: {{webhookId: $id, overlapMinutes: $minutes}}) {{
        webhook {{ {WEBHOOK} }} secret {ERRORS}
      }}
    }}
"""
TEST: Final = f"""
    mutation ($id: ID!) {{ sendTestWebhook(input: {{webhookId: $id}}) {{
      delivery {{ {DELIVERY} }} {ERRORS}
    }} }}
"""
REDELIVER: Final = f"""
    mutation ($id: ID!) {{ redeliverWebhook(input: {{deliveryId: $id}}) {{
      delivery {{ {DELIVERY} }} {ERRORS}
    }} }}
"""
LOG: Final = f"""
    query ($id: ID!, $state: WebhookDeliveryState) {{ webhook(id: $id) {{
      deliveries(first: 50, state: $state) {{ nodes {{ {DELIVERY} }} totalCount {{ value }} }}
    }} }}
"""


def create(client: GraphQLClient, url: str, *tags: Tag, **values: Any) -> Answer:
    """Create a webhook over the API."""
    names = [tag.name for tag in tags or (Tag.USER_CHANGED,)]
    return client(CREATE, input={"url": url, "tags": names} | values)


def created(client: GraphQLClient, url: str, *tags: Tag, **values: Any) -> tuple[Webhook, str]:
    """Create a webhook; assert that it is accepted. Return it with its secret."""
    answer = create(client, url, *tags, **values)
    assert answer.problems == []
    return Webhook.objects.latest("pk"), answer.data["createWebhook"]["secret"]


def happen(
    subject: User | None = None,
    *,
    tag: Tag = Tag.USER_CHANGED,
    organization: Organization | None = None,
    actor: User | None = None,
    **data: Any,
) -> Event:
    """Record an event."""
    return record(
        tag,
        actor=Actor(user_id=actor.pk if actor else None),
        subject_id=subject.pk if subject else None,
        organization=organization.pk if organization else None,
        **data,
    )


def deliver_webhooks() -> None:
    """Do what Beat and the workers do, until no turn is left."""
    dispatch_webhooks()
    while message := OutboxMessage.objects.filter(subscriber__endswith="webhook_turn").first():
        deliver(message.pk)


def verified(received: Received, *secrets: str) -> Any:
    """Return the payload; assert that each secret has signed it."""
    for secret in secrets:
        verifier = standardwebhooks.Webhook(secret)
        payload = verifier.verify(received.body, received.headers)
    return payload


def log(client: GraphQLClient, webhook: Webhook, **variables: Any) -> list[dict[str, Any]]:
    """Return the log of deliveries, newest first."""
    answer = client(LOG, id=node_id(webhook), **variables)
    nodes: list[dict[str, Any]] = answer.data["webhook"]["deliveries"]["nodes"]
    return nodes


def states() -> list[tuple[str, str]]:
    """Return state and error of all deliveries, oldest first."""
    return list(WebhookDelivery.objects.order_by("position", "pk").values_list("state", "error"))


def events(tag: Tag) -> list[dict[str, Any]]:
    """Return the data of the recorded events of a tag, oldest first."""
    return list(Event.objects.filter(tag=tag).order_by("pk").values_list("data", flat=True))


def later(seconds: float) -> None:
    """Have all times of webhooks be that long ago."""
    for row in [*Webhook.objects.all(), *WebhookDelivery.objects.all()]:
        names = (
            *("resume_at", "next_attempt_at", "retry_until", "failing_since", "claimed_until"),
            *("attempted_at", "slow_until"),
        )
        changes = {
            name: getattr(row, name) - dt.timedelta(seconds=seconds)
            for name in names
            if getattr(row, name, None) is not None
        }
        if changes:
            type(row).objects.filter(pk=row.pk).update(**changes)


def arrived_at(receiver: Receiver, secret: str) -> list[tuple[str, int]]:
    """Return user and number of each event that has arrived, in order."""
    payloads = [verified(received, secret)["data"] for received in receiver.requests]
    return [(each["subject"]["username"], each["data"]["number"]) for each in payloads]


def send(url: str, body: bytes = b"{}") -> Outcome:
    """Send a request by the client, past the queue and the log."""
    with Sender() as sender:
        (outcome,) = sender.send_all([Request(url, {"webhook-id": "x"}, body)])
    return outcome
