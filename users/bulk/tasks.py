"""Background work of bulk actions."""

from uuid import UUID

from celery import shared_task

from core.outbox.registry import subscriber
from users.bulk.services.carrying_out import TOPIC, carry_out
from users.bulk.services.ending import prune_bulk_actions


@subscriber(TOPIC)
def take_turn(bulk_action_id: str, turn: int) -> None:
    """Go on with a bulk action for a while."""
    carry_out(UUID(bulk_action_id), turn=turn)


@shared_task(name="users.bulk.prune")
def prune() -> None:
    """Remove bulk actions that ended long ago."""
    prune_bulk_actions()
