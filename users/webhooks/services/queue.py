"""Queueing the deliveries of new events.

The seals give the committed events one order without gaps. Each webhook has its position in it, so
an event costs no message, and none is lost: not by a webhook that is created meanwhile, nor by a
worker that is killed. Webhooks at the same position, which are nearly all, read each page of events
together.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from users.activity.models import EventSeal
from users.webhooks.models import Webhook, WebhookDelivery
from users.webhooks.services.lookup import last_position

# Events read in one transaction.
PAGE: Final = 1_000
# How long a run takes at most, besides its last page.
RUN_SECONDS: Final = 10.0
RETRY_FOR: Final = timedelta(days=1)


class SealedEvent(NamedTuple):
    """The columns of an event by which webhooks choose, and its position."""

    position: int
    event_id: UUID
    tag: str
    organization_id: UUID | None
    subject_id: UUID | None


def queue_deliveries() -> None:
    """Queue deliveries of the events that webhooks have not read yet.

    A webhook with `MAX_PENDING` waiting deliveries reads no further until it has room.
    """
    ends_at = monotonic() + RUN_SECONDS
    head = last_position()
    while _queue_page(head) and monotonic() < ends_at:
        pass


@transaction.atomic(durable=True)
def _queue_page(head: int) -> bool:
    """Have the webhooks that have read furthest read a page; return whether there were any."""
    reading = Webhook.objects.reading(before=head)
    position = reading.order_by("-position").values_list("position", flat=True).first()
    if position is None:
        return False
    group = list(reading.filter(position=position).select_for_update(skip_locked=True))
    end = min(position + PAGE, head)
    WebhookDelivery.objects.bulk_create(_deliveries(group, position, end), ignore_conflicts=True)
    moved = Webhook.objects.filter(pk__in=[webhook.pk for webhook in group])
    return bool(moved.update(position=end))


def _deliveries(webhooks: list[Webhook], position: int, end: int) -> Iterator[WebhookDelivery]:
    by_organization: defaultdict[UUID | None, list[Webhook]] = defaultdict(list)
    for webhook in webhooks:
        by_organization[webhook.organization_id].append(webhook)
    tags = {tag for webhook in webhooks for tag in webhook.tags}
    seals = EventSeal.objects.filter(
        sequence__gt=position, sequence__lte=end, event__tag__in=tags
    ).order_by("sequence")
    columns = ("sequence", "event", "event__tag", "event__organization", "event__subject")
    for row in seals.values_list(*columns):
        event = SealedEvent(*row)
        wanting = by_organization[None]
        if event.organization_id is not None:
            wanting = [*wanting, *by_organization[event.organization_id]]
        for webhook in wanting:
            if event.tag in webhook.tags:
                yield new_delivery(webhook, event)


def new_delivery(webhook: Webhook, event: SealedEvent) -> WebhookDelivery:
    """Return an unsaved delivery, which is due."""
    now = timezone.now()
    return WebhookDelivery(
        webhook=webhook,
        event_id=event.event_id,
        position=event.position,
        ordering_key=event.subject_id or event.organization_id,
        next_attempt_at=now,
        retry_until=now + RETRY_FOR,
    )
