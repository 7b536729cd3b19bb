"""Which webhooks get a worker, of which there are few.

A hung receiver holds a worker for the time-out of a request. So that no user's receivers can hold
all workers, one turn at a time is claimed of an organisation and of an owner of organisations'
webhooks, and one of all slow webhooks. Webhooks of the service are the administrators'.
"""

from typing import Final, TypeAlias
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.database.locks import wait_for_lock
from core.outbox.registry import publish
from users.webhooks.models import CLAIM, Webhook

TOPIC: Final = "webhook:turn"
MAX_TURNS: Final = 500
# Key of the advisory lock that serialises claims, which no row lock does: they are about rows that
# others have. Its holder waits for no row, so a caller may hold the locks of rows. An arbitrary
# number that nothing else uses.
CLAIMS: Final = 5_118_203_377_940_126
# What one turn at a time may have: an organisation, an owner, or the place of slow webhooks.
Share: TypeAlias = tuple[str, UUID | None]
SLOW: Final[Share] = ("slow", None)


def start_turns(among: Q | None = None) -> None:
    """Start the turns of webhooks with deliveries to attempt that may run together."""
    with transaction.atomic():
        wait_for_lock(CLAIMS)
        admitted = _admitted(among or Q())
        for webhook in Webhook.objects.filter(pk__in=admitted).select_for_update(skip_locked=True):
            turn = webhook.turn + 1
            rows = Webhook.objects.filter(pk=webhook.pk)
            rows.update(turn=turn, claimed_until=timezone.now() + CLAIM)
            publish(TOPIC, webhook_id=str(webhook.pk), turn=turn)


def end_turn(webhook_id: UUID, *, turn: int) -> None:
    """End the claim of a turn, and start the turns that have waited for it."""
    # Not null: the order of the next turns is by their last ones.
    Webhook.objects.filter(pk=webhook_id, turn=turn).update(claimed_until=timezone.now())
    webhook = Webhook.objects.filter(pk=webhook_id).first()
    if webhook is None:
        # It was deleted: whose turns have waited for it is not known.
        start_turns()
        return
    among = Q(pk=webhook.pk)
    if webhook.organization_id is not None:
        among |= Q(organization=webhook.organization_id)
        among |= Q(owner=webhook.owner_id, organization__isnull=False)
    if webhook.is_slow:
        among |= Q(slow_until__gt=timezone.now())
    start_turns(among)


def _admitted(among: Q) -> list[UUID]:
    """Return the webhooks whose turns may start, together with those that are claimed."""
    columns = ("organization_id", "owner_id", "slow_until")
    taken = set[Share]()
    for webhook in Webhook.objects.claimed().only(*columns):
        taken |= _shares(webhook)
    admitted = list[UUID]()
    for webhook in Webhook.objects.due().filter(among).in_turn().only(*columns):
        shares = _shares(webhook)
        if taken.isdisjoint(shares):
            admitted.append(webhook.pk)
        elif SLOW in taken & shares:
            # Faster ones of its organisation do not wait for it.
            continue
        else:
            # None is to overtake it: two others could have its organisation and its owner by turns.
            shares.discard(SLOW)
        taken |= shares
    return admitted[:MAX_TURNS]


def _shares(webhook: Webhook) -> set[Share]:
    shares = set[Share]()
    if webhook.organization_id is not None:
        shares |= {("organization", webhook.organization_id), ("owner", webhook.owner_id)}
    if webhook.is_slow:
        shares.add(SLOW)
    return shares
