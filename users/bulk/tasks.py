"""Outbox subscriber and periodic task of bulk actions."""

from datetime import timedelta
from uuid import UUID

from core.outbox.periodic import periodic
from core.outbox.queues import Queue
from core.outbox.registry import subscriber
from users.bulk.services.cancel import prune_bulk_actions
from users.bulk.services.run import BULK_ACTIONS, TOPIC
from users.jobs.services.run import failed_turn_handler, run_turn


@subscriber(TOPIC, queue=Queue.BULK, on_failure=failed_turn_handler(BULK_ACTIONS))
def run_bulk_action(bulk_action_id: str, turn: int) -> None:
    """Run one turn of a bulk action."""
    run_turn(BULK_ACTIONS, UUID(bulk_action_id), turn=turn)


@periodic("users.bulk.prune", every=timedelta(minutes=10))
def prune() -> None:
    """Delete bulk actions past their retention period."""
    prune_bulk_actions()
